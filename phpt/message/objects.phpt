--TEST--
event_object: every callback that has an object form gets one; R68: worker_id is the receiver's, source_type says who sent
--DESCRIPTION--
The objects are plain data: a script may make, change, copy and serialize them.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 1, 'task_worker_num' => 1, 'event_object' => true], false);
$udp = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_UDP);
file_put_contents(getenv('SKEP_DIR') . '/udp', $udp->port);
announce($server->port);
$told = function (string $event) {
    return function ($server, $object, ...$more) use ($event) {
        $shown = get_object_vars($object);
        foreach ($shown as $name => $value) {
            $shown[$name] = match (true) {
                $name === 'dispatch_time' && $value > 0 => abs(microtime(true) - $value) < 60,
                in_array($name, ['worker_pid', 'server_socket', 'server_port', 'port', 'reactor_id']) && $value > 0 => true,
                default => $value,
            };
        }
        say("$event: " . get_class($object) . ' ' . json_encode($shown) . ' ' . count($more));
        return $object;
    };
};
foreach (['connect', 'close', 'packet', 'workerError', 'finish', 'pipeMessage', 'taskLost'] as $event) {
    $server->on($event, $told($event));
}
$server->on('receive', function ($server, $event) use ($told) {
    $told('receive')($server, $event);
    $server->task('x');
    $server->task('die');
    $server->sendMessage(['m'], 1);
    $server->send($event->fd, 'done');
});
$server->on('task', fn ($server, $task) => $task->data === 'die' ? exit(3) : $server->sendMessage('from a task', 0));
$server->on('managerStart', fn ($server) => $server->sendMessage('from the manager', 0));
$server->on('start', fn ($server) => $server->sendMessage('from the master', 0));
$server->start();
PHP);
echo $run->ask('go'), "\n";
$udp = stream_socket_client('udp://127.0.0.1:' . file_get_contents($run->path('udp')));
fwrite($udp, 'datagram');
$run->expect('packet: ');
$run->expect('close: ');
$run->expect('pipeMessage: ', 4);
$run->expect('taskLost: ');
$run->expect('workerError: ');
echo 'exit code ', $run->stop(), "\n";
$lines = array_filter(explode("\n", $run->output()));
sort($lines);
echo implode("\n", $lines), "\n";

foreach (['Event', 'Packet', 'PipeMessage', 'StatusInfo', 'TaskResult', 'LostTask'] as $name) {
    $class = "Skep\\Server\\$name";
    $object = new $class;
    $copy = unserialize(serialize(clone $object));
    $copy->more = 1;
    unset($copy->{array_key_first(get_object_vars($copy))});
    echo "$name: ", json_encode(get_object_vars($object)), ' ', json_encode(is_a("Swoole\\Server\\$name", $class, true)), "\n";
}
?>
--EXPECT--
done
exit code 0
close: Skep\Server\Event {"reactor_id":0,"fd":1,"dispatch_time":0,"data":null} 0
connect: Skep\Server\Event {"reactor_id":0,"fd":1,"dispatch_time":0,"data":null} 0
finish: Skep\Server\TaskResult {"task_id":0,"task_worker_id":1,"dispatch_time":true,"data":true,"orphaned":false} 0
packet: Skep\Server\Packet {"server_socket":true,"server_port":true,"dispatch_time":true,"address":"127.0.0.1","port":true,"data":"datagram"} 0
pipeMessage: Skep\Server\PipeMessage {"source_worker_id":0,"worker_id":0,"dispatch_time":true,"data":"from the manager","source_type":"manager"} 0
pipeMessage: Skep\Server\PipeMessage {"source_worker_id":0,"worker_id":0,"dispatch_time":true,"data":"from the master","source_type":"master"} 0
pipeMessage: Skep\Server\PipeMessage {"source_worker_id":0,"worker_id":1,"dispatch_time":true,"data":["m"],"source_type":"worker"} 0
pipeMessage: Skep\Server\PipeMessage {"source_worker_id":1,"worker_id":0,"dispatch_time":true,"data":"from a task","source_type":"task_worker"} 0
receive: Skep\Server\Event {"reactor_id":0,"fd":1,"dispatch_time":true,"data":"go"} 0
taskLost: Skep\Server\LostTask {"task_id":1,"worker_id":0,"reason":"the task worker died","orphaned":false} 0
workerError: Skep\Server\StatusInfo {"worker_id":1,"worker_pid":true,"status":768,"exit_code":3,"signal":0} 1
Event: {"reactor_id":0,"fd":0,"dispatch_time":0,"data":null} true
Packet: {"server_socket":0,"server_port":0,"dispatch_time":0,"address":null,"port":0,"data":null} true
PipeMessage: {"source_worker_id":0,"worker_id":0,"dispatch_time":0,"data":null,"source_type":null} true
StatusInfo: {"worker_id":0,"worker_pid":0,"status":0,"exit_code":0,"signal":0} true
TaskResult: {"task_id":0,"task_worker_id":0,"dispatch_time":0,"data":null,"orphaned":false} true
LostTask: {"task_id":0,"worker_id":0,"reason":null,"orphaned":false} true
