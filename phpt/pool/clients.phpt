--TEST--
Pool: requests of clients, over TCP and unix sockets
--DESCRIPTION--
A length and so many bytes each way. Slow, silent and lying clients keep nobody waiting, and the socket file goes with the pool.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$free = stream_socket_server('tcp://127.0.0.1:0');
$port = (int)substr(strrchr(stream_socket_get_name($free, false), ':'), 1);
fclose($free);
$run = serve(<<<PHP
\$pool = new Swoole\Process\Pool(2, SWOOLE_IPC_SOCKET);
\$pool->set(['log_file' => getenv('SKEP_DIR') . '/log', 'max_package_size' => 65536]);
\$pool->on('message', function (\$pool, \$data) {
    if (\$data === 'nothing') {
        return;
    }
    if (\$data === 'large') {
        return \$pool->write(str_repeat('y', 20000000));
    }
    \$pool->write('got ');
    \$pool->write(strlen(\$data) > 20 ? strlen(\$data) : \$data);
});
var_dump(\$pool->listen('127.0.0.1', $port), \$pool->listen('unix:' . getenv('SKEP_DIR') . '/pool.sock'));
var_dump(\$pool->start());
PHP);
$connect = function (string $address) {
    $socket = eventually(fn () => @stream_socket_client($address, $errno, $error, 2));
    stream_set_timeout($socket, 8);
    return $socket;
};
$ask = function (string $address, string $text) use ($connect) {
    $socket = $connect($address);
    fwrite($socket, pack('N', strlen($text)) . $text);
    $answer = stream_get_contents($socket);
    return $answer === '' ? '' : substr($answer, 4, unpack('N', $answer)[1]);
};
$tcp = "tcp://127.0.0.1:$port";
$unix = 'unix://' . $run->path('pool.sock');
var_dump($ask($tcp, 'tcp'), $ask($unix, 'unix'), $ask($tcp, ''), $ask($tcp, 'nothing'), $ask($tcp, str_repeat('x', 65536)));
// Too long.
$socket = $connect($tcp);
fwrite($socket, pack('N', 65537));
var_dump(stream_get_contents($socket));
// More of those who send half a request, or do not read their answer, than there are workers.
$slow = [];
for ($i = 0; $i < 6; $i++) {
    $slow[$i] = $connect($tcp);
    fwrite($slow[$i], $i % 2 ? pack('N', 5) . 'large' : "\0\0");
}
for ($i = 0; $i < 20; $i++) {
    $started = microtime(true);
    $ask($tcp, "request $i") === "got request $i" || print("wrong answer\n");
    microtime(true) - $started < 4 || print("kept waiting\n");
}
// Many more who say nothing.
$silent = array_map(fn () => $connect($tcp), range(1, 300));
$started = microtime(true);
var_dump($ask($tcp, 'now'), microtime(true) - $started < 2);
unset($silent);
// Slow, but in time.
fwrite($slow[0], "\0\3abc");
var_dump(stream_get_contents($slow[0]) === pack('N', 7) . 'got abc');
// Those who are too slow are sent away.
var_dump(stream_get_contents($slow[2]));
unset($slow);
var_dump($run->stop(), file_exists($run->path('pool.sock')), $run->log());
echo $run->output();
?>
--EXPECT--
string(7) "got tcp"
string(8) "got unix"
string(4) "got "
string(0) ""
string(9) "got 65536"
string(0) ""
string(7) "got now"
bool(true)
bool(true)
string(0) ""
int(0)
bool(false)
string(0) ""
bool(true)
bool(true)
bool(true)
