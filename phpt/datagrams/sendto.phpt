--TEST--
sendto(): what it refuses, and from which processes it sends
--DESCRIPTION--
Each failure sets a code. The socket is the last one of the family, or the one that is named.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/datagrams.inc';

$run = serve_datagrams(<<<'PHP'
error_reporting(E_ALL);
$second = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_UDP);
$tcp = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$tcp->on('receive', 'strlen');
set_error_handler(function ($level, $text) {
    say("warning: $text");
    return true;
});
var_dump($server->sendto('127.0.0.1', 9, 'x'));

$listener = socket_create(AF_INET, SOCK_DGRAM, 0);
socket_bind($listener, '127.0.0.1');
socket_set_option($listener, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 10, 'usec' => 0]);
socket_getsockname($listener, $host, $number);
$hear = function (int $sender) use ($listener) {
    socket_recvfrom($listener, $bytes, 100, 0, $from, $port);
    return $port === $sender ? $bytes : "$bytes, from a strange port";
};
$server->on('managerStart', fn () => $server->sendto('127.0.0.1', $number, 'manager'));
$server->on('workerStart', fn () => $server->sendto('localhost', $number, 'worker'));
$server->on('start', fn () => $server->sendto('127.0.0.1', $number, 'master'));
$server->on('packet', function ($server, $data, $client) use ($tcp, $second, $number, $hear) {
    $heard = [$hear($second->port), $hear($second->port), $hear($second->port)];
    sort($heard);
    say(implode(' ', $heard));
    say(json_encode($server->sendto('127.0.0.1', $number, 'named', $client['server_socket'])));
    say($hear($server->port));
    foreach ([
        ['127.0.0.1', 9, ''], ['::1', 9, 'x'], ['/tmp/x', 0, 'x'], ['example.org', 9, 'x'], ['127.0.0.1', 70000, 'x'],
        ['127.0.0.1', 0, 'x'], ['', 9, 'x'], ['127.0.0.1', 9, str_repeat('x', 65508)], ['127.0.0.1', 9, 'x', $tcp->sock],
        ['127.0.0.1', 9, 'x', PHP_INT_MAX], ['127.0.0.1', 9, 'x', -2],
    ] as $arguments) {
        swoole_clear_error();
        say(json_encode([$server->sendto(...$arguments), $server->getLastError()]));
    }
    swoole_clear_error();
    say(json_encode([$server->send('/tmp/x', 'x'), $server->getLastError()]));
    say(json_encode([$server->send('/tmp/x', ''), $server->getLastError()]));
    say(json_encode([$server->send(0, 'answer'), $server->getLastError()]));
});
PHP);
$peer = new Peer($run, 0);
echo $peer->ask('go'), "\n";
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
answer
exit code 0
warning: Skep\Server::sendto(): server is not running
bool(false)
manager master worker
true
named
warning: Skep\Server::sendto(): the data sent must not be empty
[false,550]
warning: Skep\Server::sendto(): UDP6 listener has to be added before executing sendto
[false,503]
warning: Skep\Server::sendto(): UnixDgram listener has to be added before executing sendto
[false,503]
[false,711]
[false,723]
[false,723]
[false,505]
[false,90]
[false,505]
[false,505]
[false,505]
warning: Skep\Server::send(): UnixDgram listener has to be added before executing sendto
[false,503]
warning: Skep\Server::send(): the data sent must not be empty
[false,550]
[true,550]
