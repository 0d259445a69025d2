--TEST--
Several ports: each has its own callbacks, or those of the primary port
--DESCRIPTION--
Real clients on two TCP ports and a unix socket. Sessions, information and iterators tell the ports apart.
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

$run = serve(<<<'PHP'
$server = server();
$second = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$third = $server->addListener(getenv('SKEP_DIR') . '/socket', 0, SWOOLE_SOCK_UNIX_STREAM);
say(json_encode([$server->ports === [$server->ports[0], $second, $third], $second->port > 0, $second->port !== $server->port,
    $server->port === $server->ports[0]->port, $third->port, $third->type, $second->sock !== $third->sock]));

function tell(string $who): Closure
{
    return function ($server, $fd, $reactor, $data = '') use ($who) {
        say("$who $fd" . ($data === '' ? '' : " $data"));
        if ($data !== '') {
            $server->send($fd, "$who: $data");
        }
    };
}
$server->on('connect', tell('primary connect'));
$server->on('receive', tell('primary receive'));
$server->on('close', tell('primary close'));
$second->on('receive', tell('second receive'));
$second->on('close', tell('second close'));
$third->on('connect', tell('third connect'));
$third->on('receive', function ($server, $fd) use ($third) {
    $lists = fn ($connections) => [count($connections), implode(',', iterator_to_array($connections)),
        isset($connections[1]), isset($connections[2]), isset($connections[3]), $connections[2] === false];
    foreach ([$server->connections, ...array_map(fn ($port) => $port->connections, $server->ports)] as $connections) {
        say(json_encode($lists($connections)));
    }
    foreach ([1, 2, 3] as $session) {
        $info = $server->getClientInfo($session);
        foreach ($server->ports as $index => $port) {
            if ($info['server_port'] === $port->port && $info['server_fd'] === $port->sock && $info['socket_type'] === $port->type) {
                say("session $session is of port $index");
            }
        }
    }
    $server->send($fd, 'listed');
    $server->close(1);
    say('closed');
});
PHP . "\n" . TELL_PORTS . '$server->start();');
$sockets = [];
foreach ([0, 1, 2] as $index) {
    $sockets[] = connect_to($run, $index);
    $run->expect('connect', $index + 1);
}
echo ask($sockets[0], 'a'), "\n", ask($sockets[1], 'b'), "\n", ask($sockets[2], 'c'), "\n";
$run->expect("\nclosed");
fclose($sockets[1]);
$run->expect('second close 2');
fclose($sockets[2]);
$run->expect('primary close 3');
echo 'exit code ', $run->stop(), "\n", $run->output();
var_dump(file_exists($run->path('socket')));
?>
--EXPECT--
primary receive: a
second receive: b
listed
exit code 0
[true,true,true,true,0,5,true]
primary connect 1
primary connect 2
third connect 3
primary receive 1 a
second receive 2 b
[3,"1,2,3",true,true,true,false]
[1,"1",true,false,false,true]
[1,"2",false,true,false,false]
[1,"3",false,false,true,true]
session 1 is of port 0
session 2 is of port 1
session 3 is of port 2
primary close 1
closed
second close 2
primary close 3
bool(false)
