--TEST--
Every method before start()
--DESCRIPTION--
Warnings, return values and last error are the reference's; nothing else happens.
--FILE--
<?php
$server = new Skep\Server('127.0.0.1');
foreach ([
    ['send', 1, 'x'], ['sendfile', 1, 'x'], ['sendwait', 1, 'x'], ['close', 1], ['exists', 1], ['exist', 1], ['getClientInfo', 1], ['connection_info', 1],
    ['getClientList'], ['connection_list'], ['task', 'x'], ['taskwait', 'x'], ['taskWaitMulti', ['x']], ['taskCo', ['x']],
    ['finish', 'x'], ['sendMessage', 'x', 1], ['stats'], ['reload'], ['reloadTls'], ['stop'], ['getWorkerStatus'],
    ['shutdown'], ['getWorkerId'], ['getWorkerPid'], ['getMasterPid'], ['getManagerPid'],
    ['getCallback', 'receive'], ['getCallback', 'nonsense'],
] as $call) {
    swoole_clear_error();
    $method = array_shift($call);
    echo "$method: ";
    echo json_encode($server->$method(...$call)), ' ', $server->getLastError(), "\n";
}
var_dump(count($server->connections), iterator_to_array($server->connections), isset($server->connections[1]));
var_dump($server->connections[1]);
?>
--EXPECTF--
send: 
Warning: Skep\Server::send(): server is not running in %s on line 13
false 503
sendfile: 
Warning: Skep\Server::sendfile(): server is not running in %s on line 13
false 503
sendwait: 
Warning: Skep\Server::sendwait(): server is not running in %s on line 13
false 503
close: 
Warning: Skep\Server::close(): server is not running in %s on line 13
false 503
exists: 
Warning: Skep\Server::exists(): server is not running in %s on line 13
false 503
exist: 
Warning: Skep\Server::exist(): server is not running in %s on line 13
false 503
getClientInfo: 
Warning: Skep\Server::getClientInfo(): server is not running in %s on line 13
false 503
connection_info: 
Warning: Skep\Server::connection_info(): server is not running in %s on line 13
false 503
getClientList: 
Warning: Skep\Server::getClientList(): server is not running in %s on line 13
false 503
connection_list: 
Warning: Skep\Server::connection_list(): server is not running in %s on line 13
false 503
task: 
Warning: Skep\Server::task(): server is not running in %s on line 13
false 503
taskwait: 
Warning: Skep\Server::taskwait(): server is not running in %s on line 13
false 503
taskWaitMulti: 
Warning: Skep\Server::taskWaitMulti(): server is not running in %s on line 13
false 503
taskCo: 
Warning: Skep\Server::taskCo(): server is not running in %s on line 13
false 503
finish: 
Warning: Skep\Server::finish(): server is not running in %s on line 13
false 503
sendMessage: 
Warning: Skep\Server::sendMessage(): server is not running in %s on line 13
false 503
stats: 
Warning: Skep\Server::stats(): server is not running in %s on line 13
false 503
reload: 
Warning: Skep\Server::reload(): server is not running in %s on line 13
false 503
reloadTls: 
Warning: Skep\Server::reloadTls(): server is not running in %s on line 13
false 503
stop: 
Warning: Skep\Server::stop(): server is not running in %s on line 13
false 503
getWorkerStatus: 
Warning: Skep\Server::getWorkerStatus(): server is not running in %s on line 13
false 503
shutdown: false 509
getWorkerId: false 0
getWorkerPid: false 509
getMasterPid: 0 0
getManagerPid: 0 0
getCallback: null 0
getCallback: null 0
int(0)
array(0) {
}
bool(false)
bool(false)
