--TEST--
Skep\Client: sendfile() of a whole file and of parts, between sends, over TCP and a unix socket
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$run = serve(<<<'PHP'
$server = server(['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4, 'package_max_length' => 16 << 20]);
$server->listen(getenv('SKEP_DIR') . '/socket', 0, SWOOLE_SOCK_UNIX_STREAM);
$server->on('receive', function ($server, $fd, $reactor, $data) { $server->send($fd, md5($data)); });
$server->start();
PHP);
$port = started($run);
$content = random_bytes((5 << 20) + 17);
file_put_contents($file = $run->path('content'), $content);
foreach ([[SWOOLE_SOCK_TCP, '127.0.0.1', $port], [SWOOLE_SOCK_UNIX_STREAM, $run->path('socket'), 0]] as [$type, $host, $at]) {
    $client = new Skep\Client($type);
    $client->set(['timeout' => DEADLINE]);
    $client->connect($host, $at, DEADLINE);
    foreach ([[0, 0], [1 << 20, 0], [17, 1000], [strlen($content) - 1, 1]] as [$offset, $length]) {
        $part = substr($content, $offset, $length ?: null);
        $head = pack('N', 4 + strlen($part)) . 'head';
        $client->send($head);
        var_dump($client->sendfile($file, $offset, $length));
        var_dump($client->recv(32, true) === md5($head . $part));
    }
}
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
exit code 0
