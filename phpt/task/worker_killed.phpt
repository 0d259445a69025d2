--TEST--
B10: kill -9 of a task worker loses no task silently: 20 of 20 accounted for
--DESCRIPTION--
The one at work is reported by onTaskLost, those that waited are run by the successor, and the figures are right at once. With
task_redeliver the one at work is run again, too. After SIGTERM a task worker ends behind the task at hand.
--FILE--
<?php
require __DIR__ . '/../include/tasks.inc';

foreach ([['', 9, 1], ["'task_redeliver' => 1", 9, 0], ['', 15, 0]] as [$settings, $signal, $expected]) {
    $run = tasks(20, $settings, <<<'PHP'
    $server->on('workerError', fn ($server, $id, $pid, $code, $signal) => say("worker $id ended by $signal"));
    PHP);
    $run->ask('20');
    $run->expect('begins 5');
    $run->kill($signal, tasker($run));
    eventually(fn () => count($run->lines('done ')) + count($run->lines('lost ')) >= 20);
    $lost = $run->lines('lost ');
    echo account($run), ', lost: ', count($lost), ' ', preg_replace('/^\d+ /', '', $lost[0] ?? 'none'), "\n";
    echo count($lost) === $expected ? '' : "expected $expected\n";
    echo implode(', ', $run->lines('worker ')) ?: 'no error', ', exit code ', $run->stop(), "\n";
}
?>
--EXPECT--
20 given, each accounted for once, lost: 1 the task worker died
1 ended by 9, exit code 0
20 given, each accounted for once, lost: 0 none
1 ended by 9, exit code 0
20 given, each accounted for once, lost: 0 none
no error, exit code 0
