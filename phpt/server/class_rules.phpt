--TEST--
Rules of the classes: names, clone, serialize, dynamic and declared properties
--DESCRIPTION--
Scripts written for the reference extend the class, store things in it and hint its old names.
--FILE--
<?php
require __DIR__ . '/../include/attempt.inc';

class Own extends swoole_server
{
    public $mine = 1;
}

class Lazy extends Skep\Server
{
    public function __construct()
    {
    }
}

$server = new Own('127.0.0.1', 0);
var_dump(get_parent_class($server), $server instanceof Skep\Server, $server instanceof Swoole\Server);
(function (\swoole_server $s) { echo "hinted\n"; })($server);
var_dump(is_a('Swoole\Server\Port', 'Skep\Server\Port', true), is_a('swoole_server_port', 'Skep\Server\Port', true));
var_dump(is_a('Swoole\Connection\Iterator', 'swoole_connection_iterator', true));
var_dump(is_a('Swoole\Exception', 'Exception', true), is_a('swoole_exception', 'Skep\Exception', true));
var_dump(is_a('Swoole\Error', 'Error', true), is_a('Skep\Error', 'Swoole\Error', true));

attempt(fn () => clone $server);
attempt(fn () => serialize($server));
attempt(fn () => clone $server->ports[0]);
attempt(fn () => serialize($server->ports[0]));
attempt(fn () => clone $server->connections);
attempt(fn () => serialize($server->connections));
attempt(function () use ($server) { unset($server->host); });
attempt(function () use ($server) { unset($server->ports[0]->host); });
attempt(function () use ($server) { unset($server->mine); });
attempt(function () use ($server) { unset($server->not_there); });
attempt(function () use ($server) { $server->redis = new stdClass; $server->ports[0]->tag = 1; });
var_dump(isset($server->redis), $server->mine ?? 'gone');
attempt(fn () => $server->__construct('127.0.0.1', 0));
attempt(fn () => new Skep\Server\Port());
attempt(fn () => new Skep\Connection\Iterator());
attempt(fn () => (new Lazy())->set([]));
attempt(fn () => (new Lazy())->start());
attempt(fn () => unserialize('O:11:"Skep\Server":0:{}'));

echo implode(' ', array_keys(get_object_vars(new ReflectionClass('Skep\Server') ? $server : null))), "\n";
foreach ((new ReflectionClass('Skep\Server'))->getProperties() as $property) {
    echo $property->isPrivate() ? 'private ' : 'public ', $property->name, ' = ',
        json_encode($property->getDefaultValue()), "\n";
}
$port = $server->ports[0];
var_dump(count($server->ports), $port->host, $port->port === $server->port, $port->type, $port->sock > 0, $port->ssl);
var_dump($server->host, $server->port > 0, $server->type, $server->mode, $server->ssl, $server->setting);
?>
--EXPECTF--
string(11) "Skep\Server"
bool(true)
bool(true)
hinted
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
Error: Trying to clone an uncloneable object of class Own
Exception: Serialization of 'Own' is not allowed
Error: Trying to clone an uncloneable object of class Skep\Server\Port
Exception: Serialization of 'Skep\Server\Port' is not allowed
Error: Trying to clone an uncloneable object of class Skep\Connection\Iterator
Exception: Serialization of 'Skep\Connection\Iterator' is not allowed
Error: Property host of class Own cannot be unset
Error: Property host of class Skep\Server\Port cannot be unset
Error: Property mine of class Own cannot be unset
no error
no error
bool(true)
int(1)
Error: Constructor of Skep\Server can only be called once
Error: Call to private Skep\Server\Port::__construct() from global scope
Error: please use the Skep\Server->connections
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Exception: Unserialization of 'Skep\Server' is not allowed
host port type mode ssl setting connections ports master_pid manager_pid worker_id taskworker worker_pid stats_timer admin_server mine redis
public host = ""
public port = 0
public type = 0
public mode = 0
public ssl = false
public setting = null
public connections = null
public ports = null
public master_pid = 0
public manager_pid = 0
public worker_id = -1
public taskworker = false
public worker_pid = 0
public stats_timer = null
public admin_server = null
private finishCallbacks = null
private onStart = null
private onBeforeShutdown = null
private onShutdown = null
private onWorkerStart = null
private onWorkerStop = null
private onWorkerError = null
private onManagerStart = null
private onManagerStop = null
private onWorkerExit = null
private onBeforeReload = null
private onAfterReload = null
private onTask = null
private onFinish = null
private onTaskLost = null
private onPipeMessage = null
private dispatchFunc = null
int(1)
string(9) "127.0.0.1"
bool(true)
int(1)
bool(true)
bool(false)
string(9) "127.0.0.1"
bool(true)
int(1)
int(2)
bool(false)
NULL
