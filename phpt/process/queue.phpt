--TEST--
Process: message queues
--DESCRIPTION--
Known by key or by the script's path; directed or for whoever comes; refusals, statistics, removal while somebody waits.
--FILE--
<?php
use Skep\Process;

$nop = fn () => null;
$p = new Process($nop);
var_dump($p->push('x'), $p->pop(), $p->statQueue(), $p->freeQueue());
var_dump($p->useQueue());
var_dump($p->msgQueueKey === ftok(__FILE__, "\1"), is_int($p->msgQueueId));
preg_match('/^ *\S+ +' . $p->msgQueueId . ' +\S+ +(\S+)/m', (string)shell_exec('ipcs -q'), $match);
echo 'mode ', $match[1], "\n";
var_dump($p->push(''), $p->push(str_repeat('x', 65536)), @$p->push(str_repeat('x', 60000)), swoole_last_error());
var_dump($p->push('one'), $p->push('two'), $p->statQueue(), @$p->pop(2), swoole_last_error(), $p->pop(), $p->pop(3));
var_dump($p->freeQueue(), $p->freeQueue());

// Without waiting.
$key = 0x5e000000 + getmypid();
$p = new Process($nop);
var_dump($p->useQueue($key, 2 | Process::IPC_NOWAIT, 1000), $p->pop(), swoole_last_error());
for ($sent = 0; $p->push(str_repeat('x', 300)); $sent++) {
}
var_dump($sent, swoole_last_error(), $p->statQueue());
var_dump($p->freeQueue());

// Each gets its own.
$make = function (int $mode) use ($key) {
    $p = new Process(function ($p) {
        while (($text = $p->pop()) !== 'end') {
            $p->write("$p->id: $text");
        }
    });
    $p->useQueue($key, $mode);
    $p->start();
    return $p;
};
$processes = [$make(1), $make(1)];
foreach ([1, 0, 0, 1] as $i => $to) {
    $processes[$to]->push("message $i");
}
foreach ($processes as $p) {
    var_dump($p->read() === "$p->id: message " . ($p === $processes[0] ? 1 : 0));
    var_dump($p->read() === "$p->id: message " . ($p === $processes[0] ? 2 : 3));
    $p->push('end');
    Process::wait();
}
var_dump($processes[0]->freeQueue());

// Whoever comes first; the queue is removed while somebody waits in it.
$waiter = new Process(function ($p) { $p->write('waits'); exit(@$p->pop() === false ? swoole_last_error() : 1); });
$waiter->useQueue($key);
$waiter->start();
$waiter->read();
$waiter->push('first');
var_dump(Process::wait()['code']);
$waiter->start();
$waiter->read();
$waiter->freeQueue();
var_dump(in_array(Process::wait()['code'], [43, 22], true)); // EIDRM; EINVAL if it was not in there yet
var_dump($p->useQueue($key, 5));
?>
--EXPECTF--
Warning: Skep\Process::push(): no msgqueue, cannot use push() in %s on line %d

Warning: Skep\Process::pop(): no msgqueue, cannot use pop() in %s on line %d

Warning: Skep\Process::statQueue(): no queue, can't get stats of the queue in %s on line %d
bool(false)
bool(false)
bool(false)
bool(false)
bool(true)
bool(true)
bool(true)
mode 600

Warning: Skep\Process::push(): the data to push is empty in %s on line %d

Warning: Skep\Process::push(): the data to push is too big in %s on line %d
bool(false)
bool(false)
bool(false)
int(22)
bool(true)
bool(true)
array(2) {
  ["queue_num"]=>
  int(2)
  ["queue_bytes"]=>
  int(6)
}
bool(false)
int(7)
string(3) "one"
string(3) "two"
bool(true)
bool(false)
bool(true)
bool(false)
int(42)
int(3)
int(11)
array(2) {
  ["queue_num"]=>
  int(3)
  ["queue_bytes"]=>
  int(900)
}
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
int(1)
bool(true)

Warning: Skep\Process::useQueue(): unknown queue mode [5] in %s on line %d
bool(false)
