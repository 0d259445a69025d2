--TEST--
Process and Pool: 40 rounds leave nothing behind, 20 000 round trips cost no memory
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

use Skep\Process;

function left(): string
{
    $files = glob('/proc/self/fd/*');
    return shell_exec('ipcs -qms | tail -n +4 | wc -l') . count($files) . ' ' . count(glob(sys_get_temp_dir() . '/*.sock'));
}
$resident = fn () => (int)explode(' ', file_get_contents('/proc/self/statm'))[1] * 4;
$key = 0x61000000 + getmypid();
$round = function (int $number) use ($key) {
    $p = new Process(function ($p) { while ($p->read() !== 'end') { } $p->write($p->pop()); });
    $p->useQueue($key);
    $p->start();
    $p->push('pushed');
    $number % 2 ? $p->write('end') && $p->read() : Process::kill($p->pid, 9);
    Process::wait();
    $p->freeQueue();
    unset($p);
    $pool = new Process(function () use ($number) {
        $pool = new Process\Pool(2, [SWOOLE_IPC_NONE, SWOOLE_IPC_UNIXSOCK, SWOOLE_IPC_MSGQUEUE, SWOOLE_IPC_SOCKET][$number % 4]);
        $pool->set(['log_level' => SWOOLE_LOG_ERROR]);
        $pool->on('workerStart', fn ($pool, $id) => $id && $number % 4 || $pool->shutdown());
        $number % 4 && $pool->on('message', 'strlen');
        $number % 4 === 3 && $pool->listen('unix:' . sys_get_temp_dir() . '/' . getmypid() . '.sock');
        $pool->start();
    }, false, 0);
    $pool->start();
    $status = Process::wait();
    $status['code'] || $status['signal'] ? print_r($status) : 0;
};
$round(0);
$round(1);
gc_collect_cycles();
$before = left();
for ($i = 0; $i < 40; $i++) {
    $round($i);
}
var_dump(left() === $before ?: [left(), $before]);
var_dump(Process::wait(false));

$echo = new Process(function ($p) { while (($text = $p->read()) !== '') { $p->write($text); } });
$echo->useQueue($key);
$echo->start();
$trips = function (int $count) use ($echo) {
    for ($i = 0; $i < $count; $i++) {
        $echo->write("text $i");
        $echo->read() === "text $i" || print("lost\n");
        $echo->push("text $i");
        $echo->pop() === "text $i" || print("lost\n");
    }
};
$of = fn (int $pid) => (int)explode(' ', file_get_contents("/proc/$pid/statm"))[1] * 4;
$trips(2000);
$before = [$resident(), $of($echo->pid)];
$trips(20000);
$after = [$resident(), $of($echo->pid)];
var_dump($after[0] - $before[0] <= 256, $after[1] - $before[1] <= 256);
$echo->freeQueue();
$echo->close();
var_dump(Process::wait()['code']);
?>
--EXPECT--
bool(true)
bool(false)
bool(true)
bool(true)
int(0)
