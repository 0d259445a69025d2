--TEST--
Ports and their callables are seen by the garbage collector
--DESCRIPTION--
A closure of any port that holds the server or the port makes a cycle; ports that the script has kept outlive it.
--FILE--
<?php
function make(bool $spoil, &$kept = null): array
{
    $server = new Skep\Server('127.0.0.1');
    $second = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
    $server->on('receive', function () use ($server) {});
    $second->on('receive', function () use ($server, $second) {});
    $second->mine = $server;
    $server->mine = $second;
    if ($spoil) {
        $server->ports = null; // the engine still has them
    }
    if (func_num_args() > 1) {
        $second->on('receive', 'strlen');
        $second->mine = null;
        $kept = $second;
    }
    return [WeakReference::create($server), WeakReference::create($second)];
}

foreach ([false, true] as $spoil) {
    [$server, $port] = make($spoil);
    gc_collect_cycles();
    var_dump($server->get(), $port->get());
}
[$server, $port] = make(false, $kept);
gc_collect_cycles();
var_dump($server->get(), $port->get() === $kept, $kept->getCallback('receive'), count($kept->connections));
var_dump($kept->on('close', 'strlen'));
$kept->set([]);
var_dump($kept->getSocket());
?>
--EXPECTF--
NULL
NULL
NULL
NULL
NULL
bool(true)
string(6) "strlen"
int(0)

Warning: Skep\Server\Port::on(): can't register event callback function after server started in %s on line %d
bool(false)

Warning: Skep\Server\Port::set(): server is running, unable to execute Skep\Server\Port->set in %s on line %d

Warning: Skep\Server\Port::getSocket(): the server of this port is gone in %s on line %d
bool(false)
