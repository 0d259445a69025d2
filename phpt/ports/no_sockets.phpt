--TEST--
getSocket() without the extension sockets
--SKIPIF--
<?php
if (extension_loaded('sockets')) {
    die('skip the extension sockets is there');
}
?>
--FILE--
<?php
$server = new Skep\Server('127.0.0.1');
var_dump($server->getSocket(), $server->ports[0]->getSocket());
?>
--EXPECTF--
Warning: Skep\Server::getSocket(): this needs the extension sockets in %s on line 3

Warning: Skep\Server\Port::getSocket(): this needs the extension sockets in %s on line 3
bool(false)
bool(false)
