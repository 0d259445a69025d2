--TEST--
Tasks of the master and the manager, and finish() where there is no task
--DESCRIPTION--
Their tasks are run, source 0, flag NOREPLY; nobody hears of results. R4: finish() outside of a task is a warning and false, in a
task worker's onWorkerStart as well.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
set_error_handler(function ($level, $text) { say("warning: $text"); return true; });
$server = server(['worker_num' => 1, 'task_worker_num' => 1, 'task_use_object' => true]);
$server->on('start', fn ($server) => say('master: ' . json_encode($server->task('of the master', -1, fn () => 1))));
$server->on('managerStart', fn ($server) => say('manager: ' . json_encode($server->task('of the manager'))));
$server->on('workerStart', function ($server) {
    if ($server->taskworker) {
        say('outside: ' . json_encode($server->finish(1)) . ' ' . $server->getLastError());
    }
});
$server->on('task', function ($server, $task) {
    say(json_encode([$task->data, $task->id, $task->worker_id, $task->flags, $server->finish('x'), $server->getLastError()]));
});
$server->on('finish', fn () => say('a result'));
$server->start();
PHP);
$run->expect('["of', 2);
$run->ask('x');
echo 'exit code ', $run->stop(), "\n";
$lines = array_unique(array_filter(explode("\n", $run->output() . $run->log()), fn ($line) => $line !== '' && !str_contains($line, 'repeated')));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
exit code 0
#0 INFO Server is shutdown now
["of the manager",0,0,132,false,509]
["of the master",0,0,140,false,509]
^1 WARNING finish() (ERRNO 509): Server::finish() can only be used in the worker process
manager: 0
master: 0
outside: false 503
warning: Skep\Server::finish(): there is no task to finish: use it inside of onTask
