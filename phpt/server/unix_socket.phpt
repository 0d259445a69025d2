--TEST--
A unix stream socket
--DESCRIPTION--
Port 0, empty address; the file goes with the server.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$path = getenv('SKEP_DIR') . '/socket';
$server = new Skep\Server($path, 0, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
$server->on('receive', function ($server, $fd) {
    $info = $server->getClientInfo($fd);
    $server->send($fd, json_encode([$server->port, $server->type, $info['server_port'], $info['socket_type'],
        $info['remote_port'], $info['remote_ip']]));
});
$server->on('start', fn () => say(dirname($path)));
$server->start();
say(json_encode(file_exists($path)));
PHP);
$dir = eventually(fn () => strtok($run->output(), "\n"));
$socket = stream_socket_client("unix://$dir/socket");
fwrite($socket, 'x');
echo fread($socket, 100), "\n", 'exit code ', $run->stop(), "\n", preg_replace('/^\/.*\n|^\[.*\n/m', '', $run->output());
?>
--EXPECTF--
[0,5,0,5,0,""]
exit code 0
false
