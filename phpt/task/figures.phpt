--TEST--
stats() of tasks: keys, and figures that are the same from every process
--DESCRIPTION--
task_idle_worker_num and task_count are there with task workers only, tasking_num always. tasking_num counts what waits,
tasks_at_work what runs; both are right again within 100 ms after a kill.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

const SHOWN = ['task_worker_num', 'task_idle_worker_num', 'tasking_num', 'task_count', 'tasks_at_work', 'tasks_lost'];
$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'task_worker_num' => 2]);
$server->on('workerStart', function ($server, $id) {
    if ($server->taskworker) {
        file_put_contents(getenv('SKEP_DIR') . "/pid$id", getmypid());
    }
});
$server->on('task', function ($server, $id, $source, $data) {
    if ($data === 'stats') {
        return $server->stats();
    }
    while (!file_exists(getenv('SKEP_DIR') . '/go')) {
        usleep(2000);
    }
});
$server->on('taskLost', function ($server, $id) { say("lost $id"); });
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'inside') {
        return $server->send($fd, json_encode($server->taskwait('stats', 30)));
    }
    for ($i = 0; $i < (int)$data; $i++) {
        $server->task('wait', 0);
    }
    $server->send($fd, json_encode($server->stats()));
});
$server->start();
PHP);
$shown = fn (string $json) => implode(' ', array_map(fn ($key) => json_decode($json, true)[$key] ?? '-', SHOWN));
$settled = function (string $wanted) use ($run, $shown) {
    $seen = '';
    eventually(function () use ($run, $shown, $wanted, &$seen) {
        return ($seen = $shown($run->ask('0'))) === $wanted;
    });
    return $seen;
};
eventually(fn () => file_exists($run->path('pid2')) && file_exists($run->path('pid3')));
echo implode(' ', SHOWN), "\n", $settled('2 2 0 0 0 0'), "\n";
echo implode(' ', preg_grep('/^task|worker_num$/', array_keys(json_decode($run->ask('0'), true)))), "\n";
$run->ask('3');
echo $settled('2 1 2 3 1 0'), "\n";
echo $shown($run->ask('inside')), "\n";
$run->kill(9, (int)file_get_contents($run->path('pid2')));
$run->expect('lost 0');
echo $settled('2 1 1 4 1 1'), "\n";
touch($run->path('go'));
echo $settled('2 2 0 4 0 1'), "\n";
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
task_worker_num task_idle_worker_num tasking_num task_count tasks_at_work tasks_lost
2 2 0 0 0 0
worker_num task_worker_num user_worker_num idle_worker_num task_idle_worker_num tasking_num task_count task_queue_bytes task_queue_age_ms tasks_at_work tasks_lost
2 1 2 3 1 0
2 0 2 4 2 0
2 1 1 4 1 1
2 2 0 4 0 1
exit code 0
