--TEST--
Pool: respawn with a growing delay, reload one by one, stop within the deadline, detach
--DESCRIPTION--
Workers that end at once are not started hundreds of times a second. A reload replaces one worker after the other. A stop waits for
the callback as long as max_wait_time says, and then kills. A worker that has left the pool is replaced and goes on.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$start = fn (string $body, string $settings = '', string $kind = 'SWOOLE_IPC_NONE') => serve(<<<PHP
\$pool = new Swoole\Process\Pool(2, $kind);
if ($kind) {
    \$pool->on('message', 'strlen');
}
\$pool->set(['log_file' => getenv('SKEP_DIR') . '/log'] + [$settings]);
\$pool->on('workerStart', function (\$pool, \$id) {
    say("worker \$id " . getmypid());
    $body
});
\$pool->on('workerStop', fn (\$pool, \$id) => say("workerStop \$id"));
\$pool->start();
say('ended');
PHP);

// Both ways to end.
$run = $start('$id && exit(3);');
usleep(3000000);
$counts = [substr_count($run->output(), 'worker 0'), substr_count($run->output(), 'worker 1')];
var_dump(max($counts) <= 10, min($counts) >= 4);
var_dump($run->stop());

// Reload.
$run = $start('', '', 'SWOOLE_IPC_UNIXSOCK');
$run->expect('worker ', 2);
$before = $run->processes();
$run->kill(10);
$run->expect('workerStop', 2);
$run->expect('worker ', 4);
var_dump(count(array_intersect($before, $run->processes())) === 1, $run->processes() !== $before);
var_dump($run->stop());
$order = preg_replace('/ \d+$/m', '', $run->output());
preg_match_all('/^(?:workerStop|worker) ?\d?/m', $run->output(), $lines);
// The first has its successor before the second is asked.
var_dump(array_search('workerStop 1', $lines[0]) > array_search('workerStop 0', $lines[0]) + 1
    || array_search('workerStop 0', $lines[0]) > array_search('workerStop 1', $lines[0]) + 1);
var_dump(str_contains($run->log(), 'WARNING'));

// A callback that does not look, and one that is asked in a system call.
$run = $start('if ($id) { while ($pool->workerRunning) { sleep(60); } } else { while (true) { sleep(60); } }', "'max_wait_time' => 0.5");
$run->expect('worker 1');
$started = microtime(true);
var_dump($run->stop());
$took = microtime(true) - $started;
var_dump($took >= 0.5, $took < 4, substr_count($run->output(), 'workerStop'));
echo preg_replace('/pid=\d+/', 'pid', $run->log());

// Left alone.
$run = $start('if (!$id && !file_exists(getenv("SKEP_DIR") . "/left")) { touch(getenv("SKEP_DIR") . "/left"); say("detached " . json_encode($pool->detach()) . " " . getmypid());'
    . 'while (!file_exists(getenv("SKEP_DIR") . "/end")) { usleep(1000); } say("left"); exit; } while ($pool->workerRunning) { usleep(1000); }');
$run->expect('worker 0', 2);
$pid = (int)explode(' ', $run->lines('detached ')[0])[1];
$run->kill(15);
$run->expect('ended');
var_dump(in_array($pid, $run->processes()));
touch($run->path('end'));
$run->expect("left\n");
var_dump($run->wait());
?>
--EXPECT--
bool(true)
bool(true)
int(0)
bool(true)
bool(true)
int(0)
bool(true)
bool(false)
int(0)
bool(true)
bool(true)
int(1)
#0 WARNING kill() (ERRNO 9101): force kill worker process(pid, id=0)
bool(true)
int(0)
