--TEST--
A task or result that cannot be read is reported as lost, with the reason, to whoever has given the task
--DESCRIPTION--
Enums that only one side knows: PHP's unserializer refuses them. Calls that wait are false with 2006 at once. What was given with a callable, too; it is
not called. The processes go on. A message that cannot be read has a line in the log.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['false', 'true'] as $objects) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 1, 'task_worker_num' => 1, 'event_object' => $objects]);
    PHP . <<<'PHP'

    $server->on('workerStart', function ($server) {
        eval($server->taskworker ? 'enum OfTasker { case A; }' : 'enum OfWorker { case A; }');
    });
    $server->on('pipeMessage', fn () => say('> message'));
    $server->on('task', function ($server, $task, $source = null, $data = null) {
        $data = is_object($task) ? $task->data : $data;
        return $data === 'yours' ? OfTasker::A : $data;
    });
    $server->on('finish', function ($server, $result, $data = null) {
        say('> result ' . json_encode(is_object($result) ? [$result->task_id, $result->data] : [$result, $data]));
    });
    $server->on('taskLost', function ($server, $lost, $source = null, $reason = null, $orphaned = null) {
        $all = is_object($lost) ? [$lost->task_id, $lost->worker_id, $lost->reason, $lost->orphaned] : [$lost, $source, $reason, $orphaned];
        say('> lost ' . json_encode($all));
    });
    $server->on('receive', function ($server, $fd, $reactor = null, $data = null) {
        $fd = is_object($fd) ? $fd->fd : $fd;
        $began = microtime(true);
        foreach ([OfWorker::A, 'yours'] as $data) {
            swoole_clear_error();
            say('> ' . json_encode([$server->taskwait($data, 30), $server->getLastError(), $server->taskCo([$data, 'fine'], 30)]));
        }
        say(microtime(true) - $began < 20 ? '> at once' : '> late');
        foreach ([OfWorker::A, 'yours', 'fine'] as $data) {
            say('> given ' . $server->task($data));
            say('> given ' . $server->task($data, -1, fn ($server, $result) => say('> callable')));
        }
        $server->sendMessage(OfWorker::A, 1);
        $server->task('last', -1, fn () => $server->after(1, function () use ($server, $fd) {
            $server->send($fd, json_encode([$server->stats()['tasks_lost'], $server->stats()['tasking_num']]));
        }));
    });
    $server->start();
    PHP);
    echo $run->ask('go'), "\n";
    $run->expectLog('a message of Worker(0) (id 0) is lost: it cannot be read');
    $run->expectLog('of worker#0 is lost: the task worker cannot read it', 4);
    $run->expectLog('is lost: its result cannot be read', 2);
    echo 'exit code ', $run->stop(), "\n", implode("\n", $run->lines('> ')), "\n";
}
?>
--EXPECT--
[8,0]
exit code 0
[false,2006,[false,"fine"]]
[false,2006,[false,"fine"]]
at once
given 6
given 7
given 8
given 9
given 10
given 11
lost [6,0,"the task worker cannot read it",false]
lost [7,0,"the task worker cannot read it",false]
lost [8,0,"its result cannot be read",false]
lost [9,0,"its result cannot be read",false]
result [10,"fine"]
callable
[8,0]
exit code 0
[false,2006,[false,"fine"]]
[false,2006,[false,"fine"]]
at once
given 6
given 7
given 8
given 9
given 10
given 11
lost [6,0,"the task worker cannot read it",false]
lost [7,0,"the task worker cannot read it",false]
lost [8,0,"its result cannot be read",false]
lost [9,0,"its result cannot be read",false]
result [10,"fine"]
callable
