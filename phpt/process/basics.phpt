--TEST--
Process: properties, start, pipe, wait
--DESCRIPTION--
The callback runs in a child with the object of the process, which knows its own pid; what it returns is ignored.
--FILE--
<?php
use Skep\Process;

$p = new Process(function (Process $own) use (&$p) {
    $own->write(json_encode([$own === $p, $own->pid === getmypid(), $own->id, is_int($own->pipe)]));
    $own->write('got ' . $own->read());
    return 7;
});
var_dump(is_int($p->pipe), $p->pid, $p->id, $p->msgQueueId, $p->msgQueueKey);
$pid = $p->start();
var_dump($pid === $p->pid, $p->id, $pid !== getmypid());
var_dump($p->read());
var_dump($p->write('four'));
var_dump($p->read());
var_dump($p->start(), swoole_last_error());
var_dump(Process::wait() === ['pid' => $pid, 'code' => 0, 'signal' => 0]);
var_dump(Process::wait(), Process::wait(false));
$q = new Process(fn () => null, false, Process::PIPE_TYPE_NONE);
var_dump($q->pipe, $q->start() === $q->pid, $q->id);
Process::wait();
// One that has ended may be started again.
$pid = $p->start();
var_dump($pid === $p->pid, $p->id, $p->write('five'), $p->read(), $p->read());
var_dump(Process::wait()['pid'] === $pid);
echo get_class(new \Swoole\Process('strlen')), ' ', get_class(new \swoole_process('strlen')), "\n";
foreach ((new ReflectionClass(Process::class))->getConstants() as $name => $value) {
    echo "$name $value\n";
}
?>
--EXPECTF--
bool(true)
NULL
NULL
NULL
NULL
bool(true)
int(1)
bool(true)
string(18) "[true,true,1,true]"
int(4)
string(8) "got four"

Warning: Skep\Process::start(): process has already been started in %s on line %d
bool(false)
int(509)
bool(true)
bool(false)
bool(false)
NULL
bool(true)
int(2)
bool(true)
int(1)
int(4)
string(18) "[true,true,1,true]"
string(8) "got five"
bool(true)
Skep\Process Skep\Process
IPC_NOWAIT 256
PIPE_MASTER 1
PIPE_WORKER 2
PIPE_READ 3
PIPE_WRITE 4
PIPE_TYPE_NONE 0
PIPE_TYPE_STREAM 1
PIPE_TYPE_DGRAM 2
