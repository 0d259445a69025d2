--TEST--
Constant: the names of events and settings
--FILE--
<?php
$all = (new ReflectionClass('Skep\Constant'))->getConstants();
var_dump(is_a('Swoole\Constant', 'Skep\Constant', true), class_exists('swoole_constant'));
foreach ($all as $name => $value) {
    [$kind, $rest] = explode('_', $name, 2);
    $plain = strtoupper($kind === 'EVENT' ? preg_replace('/[A-Z]/', '_$0', $value) : $value);
    $plain === $rest || print("$name = $value\n");
}
$events = array_values(preg_grep('/^EVENT_/', array_keys($all)));
$said = 'start beforeShutdown shutdown managerStart managerStop beforeReload afterReload workerStart workerStop workerExit'
    . ' workerError connect receive close packet bufferFull bufferEmpty task finish pipeMessage request handshake open message'
    . ' disconnect beforeHandshakeResponse';
var_dump(array_diff(explode(' ', $said), $all), count(array_unique($events)) === count($events));
// Every setting of the reference page, under each of its names.
preg_match_all('/^\| ((?:`[a-z_0-9]+`(?:, )?)+) \|/m', file_get_contents(__DIR__ . '/../../docs/settings.md'), $rows);
preg_match_all('/`([a-z_0-9]+)`/', implode("\n", $rows[1]), $keys);
var_dump(count($keys[1]) > 90, array_diff($keys[1], $all));
var_dump(Swoole\Constant::EVENT_WORKER_START, Skep\Constant::EVENT_PIPE_MESSAGE, Skep\Constant::OPTION_WORKER_NUM,
    Skep\Constant::OPTION_DISPATCH_FUNC, Skep\Constant::OPTION_SSL_CERT_FILE, Skep\Constant::OPTION_SOCKS5_HOST);
$server = new Skep\Server('127.0.0.1', 0);
var_dump($server->set([Skep\Constant::OPTION_WORKER_NUM => 1]), $server->on(Skep\Constant::EVENT_RECEIVE, fn () => 1));
?>
--EXPECT--
bool(true)
bool(false)
array(0) {
}
bool(true)
bool(true)
array(0) {
}
string(11) "workerStart"
string(11) "pipeMessage"
string(10) "worker_num"
string(13) "dispatch_func"
string(13) "ssl_cert_file"
string(11) "socks5_host"
bool(true)
bool(true)
