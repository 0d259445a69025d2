--TEST--
on() and getCallback() of each port
--DESCRIPTION--
Events of a port only; callbacks of one port are not those of another. Events of servers for HTTP and WebSocket
are accepted by name and never happen.
--FILE--
<?php
$server = new Skep\Server('127.0.0.1');
$port = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
foreach (['connect', 'receive', 'close', 'packet', 'bufferFull', 'bufferEmpty', 'request', 'handshake', 'open', 'message',
    'disconnect', 'beforeHandshakeResponse'] as $event) {
    $on = $port->on(strtoupper($event), $own = fn () => 1);
    echo $event, ' ', json_encode([$on, $port->getCallback($event) === $own, $server->ports[0]->getCallback($event),
        $server->getCallback($event)]), "\n";
}
var_dump($server->on('packet', 'strlen'), $server->ports[0]->getCallback('packet'), $port->getCallback('packet') === 'strlen');
var_dump($port->on('start', 'strlen'), swoole_last_error());
var_dump($port->on('close', 'nofn'), swoole_last_error(), $port->getCallback('close') instanceof Closure);
foreach ((new ReflectionClass($port))->getProperties(ReflectionProperty::IS_PRIVATE) as $property) {
    echo $property->name, ' ';
}
?>
--EXPECTF--
connect [true,true,null,null]
receive [true,true,null,null]
close [true,true,null,null]
packet [true,true,null,null]
bufferFull [true,true,null,null]
bufferEmpty [true,true,null,null]
request [true,true,null,null]
handshake [true,true,null,null]
open [true,true,null,null]
message [true,true,null,null]
disconnect [true,true,null,null]
beforeHandshakeResponse [true,true,null,null]
bool(true)
string(6) "strlen"
bool(false)

Warning: Skep\Server\Port::on(): unknown event types[start] in %s on line 11
bool(false)
int(510)

Warning: Skep\Server\Port::on(): function 'nofn' is not callable in %s on line 12
bool(false)
int(503)
bool(true)
onConnect onReceive onClose onPacket onBufferFull onBufferEmpty onRequest onHandshake onOpen onMessage onDisconnect onBeforeHandshakeResponse packageLengthFunc 
