--TEST--
dispatch_func and package_length_func that cannot be called are ignored with a warning
--FILE--
<?php
$server = new Skep\Server('127.0.0.1', 0);
var_dump($server->set(['dispatch_func' => 'nowhere', 'package_length_func' => [1, 2], 'worker_num' => 2]));
var_dump($server->set(['dispatch_func' => null]));
$port = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$port->set(['package_length_func' => 'Some::where']);
var_dump($server->on('dispatch_func', fn () => 1), $server->on('package_length_func', fn () => 1));
echo SKEP_DISPATCH_ADAPTIVE, ' ', $server->setting['worker_num'], "\n";
?>
--EXPECTF--
Warning: Skep\Server::set(): function 'nowhere' is not callable in %s on line %d

Warning: Skep\Server::set(): function '%S' is not callable in %s on line %d
bool(true)
bool(true)

Warning: Skep\Server\Port::set(): function 'Some::where' is not callable in %s on line %d

Warning: Skep\Server\Port::on(): unknown event types[dispatch_func] in %s on line %d

Warning: Skep\Server\Port::on(): unknown event types[package_length_func] in %s on line %d
bool(false)
bool(false)
11 2
