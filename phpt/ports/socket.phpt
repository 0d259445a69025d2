--TEST--
getSocket(): an object of the extension sockets for a duplicate of the listening socket
--EXTENSIONS--
sockets
--DESCRIPTION--
By port number, 0 for the primary port. Closing the object closes nothing of the server's. Workers do not have
the socket.
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

$run = serve(<<<'PHP'
$server = server();
$second = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$unix = $server->listen(getenv('SKEP_DIR') . '/socket', 0, SWOOLE_SOCK_UNIX_STREAM);
$name = function ($socket) {
    socket_getsockname($socket, $host, $port);
    return [get_class($socket), $host, $port];
};
var_dump($name($server->getSocket()) === ['Socket', '127.0.0.1', $server->port]);
var_dump($name($server->getSocket($server->port)) === ['Socket', '127.0.0.1', $server->port]);
var_dump($name($server->getSocket($second->port)) === ['Socket', '127.0.0.1', $second->port]);
var_dump($name($second->getSocket()) === ['Socket', '127.0.0.1', $second->port]);
var_dump($name($unix->getSocket())[1] === $unix->host);
var_dump($server->getSocket(1), swoole_last_error());
$socket = $second->getSocket();
var_dump(socket_set_option($socket, SOL_SOCKET, SO_KEEPALIVE, 1), socket_get_option($second->getSocket(), SOL_SOCKET, SO_KEEPALIVE));
socket_close($socket);
$server->on('start', fn ($server) => say('master: ' . get_class($server->getSocket())));
$server->on('workerStart', fn ($server) => say('worker: ' . json_encode($server->getSocket())));
$server->on('managerStart', fn ($server) => say('manager: ' . json_encode($server->ports[1]->getSocket())));
PHP . "\n" . TELL_PORTS . '$server->start(); var_dump($server->getSocket());');
echo ask(connect_to($run, 1), 'x'), "\n";
foreach (['master: ', 'manager: ', 'worker: '] as $process) {
    $run->expect($process);
    echo $process, implode($run->lines($process)), "\n";
}
echo 'exit code ', $run->stop(), "\n", preg_replace('/^(master|manager|worker): .*\n|\nWarning: .*cess: the master has it.*\n/m', '', $run->output());
?>
--EXPECTF--
got x
master: Socket
manager: false
worker: false
exit code 0
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)

Warning: Skep\Server::getSocket(): the server does not listen on port[1] in %s on line %d
bool(false)
int(503)
bool(true)
int(1)

Warning: Skep\Server::getSocket(): the socket of this port is not open in this process: it is closed in %s on line %d
bool(false)
