--TEST--
R21: results for a worker that has died reach its successor, marked as orphaned; a reload loses no finish callback
--DESCRIPTION--
The callable that was given with the task has died with the worker: onFinish has the result, or else one line in the log says
so. A worker that a reload replaces stays until its results are there, and its callables are called.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['with onFinish' => 9, 'without' => 9, 'reloaded' => 10] as $how => $signal) {
    $finish = $how === 'with onFinish' ? '$server->on("finish", fn (...$a) => say("onFinish: " . json_encode(array_slice($a, 1))));' : '';
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 1, 'task_worker_num' => 1, 'max_wait_time' => 20]);
    $finish
    \$server->on('workerStart', function (\$server) { say(\$server->taskworker ? 'task worker' : 'worker'); });
    \$server->on('task', function (\$server, \$id, \$source, \$data) {
        say('begins');
        while (!file_exists(getenv('SKEP_DIR') . '/go')) {
            usleep(2000);
        }
        return \$data;
    });
    \$server->on('receive', function (\$server, \$fd) {
        \$server->task('with a callable', -1, function (\$server, \$id, \$result) { say("callable: \$result"); });
        \$server->send(\$fd, getmypid());
    });
    \$server->start();
    PHP);
    $worker = (int)$run->ask('go');
    $run->expect('begins');
    $run->kill($signal, $signal === 9 ? $worker : null);
    $run->expect("\nworker", 2 - (int)str_starts_with($run->output(), 'worker'));
    touch($run->path('go'));
    match ($how) {
        'with onFinish' => $run->expect('onFinish: '),
        'without' => $run->expectLog('finish callback'),
        'reloaded' => $run->expect('callable: '),
    };
    echo "$how: exit code ", $run->stop(), "\n", implode("\n", preg_grep('/onFinish|callable/', explode("\n", $run->output() . $run->log()))), "\n";
}
?>
--EXPECT--
with onFinish: exit code 0
onFinish: [0,"with a callable",true]
without: exit code 0
*0 WARNING onFinish(): the worker that gave task[0] has died, and the finish callback with it; there is no onFinish for its result
reloaded: exit code 0
callable: with a callable
