--TEST--
The address decides the family: "::" without SWOOLE_SOCK_TCP6 takes both kinds of clients
--DESCRIPTION--
A client over IPv4 is shown with its plain IPv4 address. A name that cannot be bound has the system's text.
--SKIPIF--
<?php
if (!@stream_socket_server('tcp://[::1]:0')) {
    die('skip no IPv6 on the loopback here');
}
?>
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = new Skep\Server('::', 0, SWOOLE_PROCESS);
$server->set(['worker_num' => 1, 'log_file' => getenv('SKEP_DIR') . '/log']);
$server->on('receive', fn ($server, $fd) => $server->send($fd, $server->getClientInfo($fd)['remote_ip']));
announce($server->port);
$server->start();
PHP);
echo $run->ask('x'), "\n";
$socket = stream_socket_client('tcp://[::1]:' . $run->port());
stream_set_timeout($socket, (int)DEADLINE);
fwrite($socket, 'x');
echo fread($socket, 100), "\n";
fclose($socket);
echo 'exit code ', $run->stop(), "\n";
try {
    new Skep\Server('2001:db8::1', 0);
} catch (Throwable $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECT--
127.0.0.1
::1
exit code 0
failed to listen server port[2001:db8::1:0], Error: Cannot assign requested address[99]
