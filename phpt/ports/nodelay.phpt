--TEST--
Small writes are sent at once on every port, unless a port says otherwise
--DESCRIPTION--
It does not matter whether set() was called, nor for which port: accepted connections take the option over from the listening socket.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['', '$server->set(["open_tcp_nodelay" => false]);'] as $set) {
    $run = serve(<<<PHP
    \$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS);
    $set
    \$server->on('receive', 'strlen');
    \$untouched = \$server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
    \$empty = \$server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
    \$empty->set([]);
    \$off = \$server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
    \$off->set(['open_tcp_nodelay' => false]);
    \$server->on('start', function (\$server) {
        say('delays: ' . implode(' ', array_map(fn (\$port) => json_encode(!socket_get_option(\$port->getSocket(), SOL_TCP, TCP_NODELAY)), \$server->ports)));
        \$server->shutdown();
    });
    \$server->start();
    PHP);
    echo $run->wait(), ' ', implode($run->lines('delays: ')), "\n";
}
?>
--EXPECT--
0 false false false true
0 true true false true
