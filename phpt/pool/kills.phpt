--TEST--
Pool: SIGKILL of workers under load, and of the master
--DESCRIPTION--
A worker that dies takes with it the message it was at and no other. Without their master the workers are gone within a
second, whatever they are at.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$pool = new Swoole\Process\Pool(2, SWOOLE_IPC_UNIXSOCK);
$pool->set(['log_file' => getenv('SKEP_DIR') . '/log']);
$pool->on('start', function ($pool) {
    for ($i = 0; $i < 2000; $i++) {
        while (!$pool->sendMessage("n $i", $i % 2)) {
        }
    }
    say('sent');
});
$pool->on('message', function ($pool, $data) {
    usleep(100);
    say($data);
    if ($data === 'n 500' || $data === 'n 1001') {
        sleep(60);
    }
});
$pool->on('workerStart', fn ($pool, $id) => say("worker $id $pool->workerPid"));
$pool->start();
PHP);
$run->expect('sent');
foreach (['n 500', 'n 1001'] as $i => $text) {
    $run->expect("$text\n");
    preg_match("/worker $i (\d+)/", $run->output(), $match);
    $run->kill(9, (int)$match[1]);
}
$run->expect("n 1998\n");
$run->expect("n 1999\n");
preg_match_all('/^n \d+$/m', $run->output(), $all);
var_dump(count($all[0]), count(array_unique($all[0])));
echo preg_replace(['/pid[ =]\d+/', '/[\d.]+ (s|MiB)/'], ['pid', 'x $1'], $run->log());
var_dump($run->stop());

$run = serve(<<<'PHP'
use Swoole\Process\Pool;
$pool = new Pool(4);
$pool->set(['log_file' => getenv('SKEP_DIR') . '/log']);
$pool->on('workerStart', function (Pool $pool, int $id) {
    pcntl_async_signals(true);
    $id === 1 && pcntl_signal(SIGTERM, fn () => null);
    say("worker $id");
    while (true) {
        match ($id) {
            0, 1 => sleep(60),
            2 => 1 + 1,
            3 => usleep(1000),
        };
    }
});
$pool->start();
PHP);
$run->expect('worker', 4);
$run->kill(9);
$started = microtime(true);
$gone = eventually(fn () => !array_filter($run->processes(), fn ($pid) => $pid !== $run->pid), 3);
var_dump($gone, microtime(true) - $started < 1.5);
var_dump($run->wait());
?>
--EXPECT--
int(2000)
int(2000)
#0 WARNING worker(pid, id=0) abnormal exit, status=0, signal=9
#0 WARNING worker 0 (pid) lost: signal 9 (SIGKILL), uptime x s, 250 messages served, in onMessage, peak memory x MiB
#0 WARNING worker(pid, id=1) abnormal exit, status=0, signal=9
#0 WARNING worker 1 (pid) lost: signal 9 (SIGKILL), uptime x s, 500 messages served, in onMessage, peak memory x MiB
int(0)
bool(true)
bool(true)
string(8) "signal 9"
