--TEST--
on() and getCallback()
--DESCRIPTION--
A refused registration leaves the one before in place; names are matched exactly, without regard to case.
--FILE--
<?php
class Target
{
    public function method() {}
    public static function fixed() {}
    public function __invoke() {}
    public function __call($name, $args) {}
    private function hidden() {}
    public function inside($server) { return $server->on('start', [$this, 'hidden']); }
}

$server = new Skep\Server('127.0.0.1');
$target = new Target();
$closure = function () {};
foreach ([
    ['receive', $closure], ['RECEIVE', 'strlen'], ['receive', 'nofn'], ['receive', ['Target', 'nothing']],
    ['receive', 'Target::none'], ['receive', [1, 2]], ['receive', null], ['receive', ''], ['receive', 0], ['receive', 5],
    ['foo', $closure], ['onReceive', $closure], ['receiv', $closure], ['task', $closure],
    ['start', [$target, 'method']], ['Start', 'Target::fixed'], ['workerStart', ['Target', 'fixed']],
    ['workerStop', $target], ['shutdown', [$target, 'magic']], ['managerStart', $target->method(...)],
    ['start', 'nofn'], ['start', null],
] as [$event, $callback]) {
    swoole_clear_error();
    echo "$event: ";
    echo json_encode($server->on($event, $callback)), ' ', swoole_last_error(), "\n";
}
var_dump($target->inside($server));
var_dump($server->getCallback('receive'), $server->getCallback('ShutDown')[1], $server->getCallback('close'));
var_dump($server->ports[0]->getCallback('receive'), $server->ports[0]->getCallback('start'));
var_dump($server->ports[0]->on('connect', $closure), $server->getCallback('connect') === $closure);
var_dump($server->ports[0]->on('start', $closure), swoole_last_error());
var_dump($server->ports[0]->on('close', 'nofn'), swoole_last_error());
?>
--EXPECTF--
receive: true 0
RECEIVE: true 0
receive: 
Warning: Skep\Server\Port::on(): function 'nofn' is not callable in %s on line 25
false 503
receive: 
Warning: Skep\Server\Port::on(): function 'Target::nothing' is not callable in %s on line 25
false 503
receive: 
Warning: Skep\Server\Port::on(): function 'Target::none' is not callable in %s on line 25
false 503
receive: 
Warning: Skep\Server\Port::on(): function 'Array' is not callable in %s on line 25
false 503
receive: 
Warning: Skep\Server::on(): illegal callback function in %s on line 25
false 503
receive: 
Warning: Skep\Server::on(): illegal callback function in %s on line 25
false 503
receive: 
Warning: Skep\Server::on(): illegal callback function in %s on line 25
false 503
receive: 
Warning: Skep\Server\Port::on(): function '5' is not callable in %s on line 25
false 503
foo: 
Warning: Skep\Server\Port::on(): unknown event types[foo] in %s on line 25
false 510
onReceive: 
Warning: Skep\Server\Port::on(): unknown event types[onReceive] in %s on line 25
false 510
receiv: 
Warning: Skep\Server\Port::on(): unknown event types[receiv] in %s on line 25
false 510
task: true 0
start: true 0
Start: true 0
workerStart: true 0
workerStop: true 0
shutdown: true 0
managerStart: true 0
start: 
Warning: Skep\Server::on(): function 'nofn' is not callable in %s on line 25
false 503
start: 
Warning: Skep\Server::on(): illegal callback function in %s on line 25
false 503
bool(true)
string(6) "strlen"
string(5) "magic"
NULL
string(6) "strlen"
NULL
bool(true)
bool(true)

Warning: Skep\Server\Port::on(): unknown event types[start] in %s on line 31
bool(false)
int(510)

Warning: Skep\Server\Port::on(): function 'nofn' is not callable in %s on line 32
bool(false)
int(503)
