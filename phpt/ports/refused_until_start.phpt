--TEST--
Ports are bound at once and listen from start() on
--DESCRIPTION--
The number the kernel chose is known before; who connects too early is refused.
--FILE--
<?php
$server = new Skep\Server('localhost', 0, SWOOLE_PROCESS);
$second = $server->listen('127.0.0.1', 0, SWOOLE_TCP);
foreach ([$server, $server->ports[0], $second] as $port) {
    var_dump($port->port > 0, @stream_socket_client("tcp://127.0.0.1:$port->port", $errno), $errno);
}
?>
--EXPECT--
bool(true)
bool(false)
int(111)
bool(true)
bool(false)
int(111)
bool(true)
bool(false)
int(111)
