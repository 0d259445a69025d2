--TEST--
B12: reloads lose no task: USR2, reload(true), USR1, and task_max_request
--DESCRIPTION--
reload(true) replaces task workers only; workers keep their pids.
--FILE--
<?php
require __DIR__ . '/../include/tasks.inc';

function changed(Run $run, int $old): bool
{
    return (bool)eventually(fn () => tasker($run) !== $old);
}

const MORE = <<<'PHP'
$server->on('workerStart', function ($server, $id) {
    if ($server->taskworker) {
        file_put_contents(getenv('SKEP_DIR') . '/tasker.new', getmypid());
        rename(getenv('SKEP_DIR') . '/tasker.new', getenv('SKEP_DIR') . '/tasker');
    } else {
        say('worker starts');
    }
});
$receive = $server->getCallback('receive');
$server->on('receive', function ($server, $fd, $reactor, $data) use ($receive) {
    $data === 'reload' ? $server->send($fd, json_encode($server->reload(true))) : $receive($server, $fd, $reactor, $data);
});
PHP;
foreach (['USR2' => 12, 'reload(true)' => 0, 'USR1' => 10, 'task_max_request' => -1] as $how => $signal) {
    $run = tasks(10, $signal < 0 ? "'task_max_request' => 3" : '', MORE);
    $old = tasker($run);
    $run->ask('20');
    $run->expect('begins 3');
    if ($signal > 0) {
        $run->kill($signal);
    } elseif ($signal === 0) {
        echo $run->ask('reload'), ' ';
    }
    eventually(fn () => count($run->lines('done ')) >= 20);
    echo "$how: ", account($run), changed($run, $old) ? ', another task worker, ' : ', the same task worker, ';
    if ($signal === 10) {
        $run->expect('worker starts', 2);
    }
    echo count($run->lines('worker starts')), ' workers so far, exit code ', $run->stop(), ', lost: ', count($run->lines('lost ')), "\n";
}
?>
--EXPECT--
USR2: 20 given, each accounted for once, another task worker, 1 workers so far, exit code 0, lost: 0
true reload(true): 20 given, each accounted for once, another task worker, 1 workers so far, exit code 0, lost: 0
USR1: 20 given, each accounted for once, another task worker, 2 workers so far, exit code 0, lost: 0
task_max_request: 20 given, each accounted for once, another task worker, 1 workers so far, exit code 0, lost: 0
