--TEST--
Port::set(): unknown names, names of the server, refused values
--DESCRIPTION--
A refused call changes nothing, so the port still takes over the server's settings.
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

$run = serve(<<<'PHP'
$server = server(['backlog' => 11]);
$port = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
var_dump($port->set(['on_worker_lost' => 'maybe', 'backlog' => 3]), swoole_last_error(), $port->setting);
$other = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
var_dump($other->set(['worker_num' => 5, 'foo' => 1, 'backlog' => null, 3 => 4]), $other->setting);
try {
    $other->set('x');
} catch (TypeError $e) {
    echo $e->getMessage(), "\n";
}
$primary = $server->ports[0];
$primary->set(['socket_buffer_size' => 4096]);
$server->on('workerStart', function ($server) use ($port, $other, $primary) {
    echo json_encode([$server->setting['worker_num'], $port->setting['backlog'], $port->setting['socket_buffer_size'],
        array_keys($other->setting), array_keys($primary->setting)]), "\n";
    var_dump($port->set(['backlog' => 1]), $port->on('connect', 'strlen'), swoole_last_error());
    var_dump($server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP), swoole_last_error(), count($server->ports));
    say('done');
});
$server->start();
$port->set([]);
var_dump($server->addlistener('127.0.0.1', 0, SWOOLE_SOCK_TCP));
PHP);
$run->expect('done');
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECTF--
exit code 0

Warning: Skep\Server\Port::set(): on_worker_lost %a in %s on line 5
NULL
int(505)
NULL

Warning: unsupported option [foo] in %s on line 7
NULL
array(3) {
  ["worker_num"]=>
  int(5)
  ["foo"]=>
  int(1)
  ["backlog"]=>
  NULL
}
Skep\Server\Port::set(): Argument #1 ($settings) must be of type array, string given
[1,11,4096,["worker_num","foo","backlog"],["backlog","worker_num","log_file","socket_buffer_size"]]

Warning: Skep\Server\Port::set(): server is running, unable to execute Skep\Server\Port->set in %s on line 18

Warning: Skep\Server\Port::on(): can't register event callback function after server started in %s on line 18
NULL
bool(false)
int(503)

Warning: Skep\Server::listen(): server is running, cannot add listener in %s on line 19
bool(false)
int(503)
int(3)
done

Warning: Skep\Server\Port::set(): server is running, unable to execute Skep\Server\Port->set in %s on line 23

Warning: Skep\Server::addlistener(): server is running, cannot add listener in %s on line 24
bool(false)
