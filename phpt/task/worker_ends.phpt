--TEST--
An exception, exit() or fatal error in onTask ends the task worker, and no result is made up (R19)
--DESCRIPTION--
taskwait() is false with 2006 at once, task() is reported by onTaskLost; the next task is run by the successor.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['throw new Exception("thrown")', 'exit(7)', 'exit(0)', 'trigger_error("fatal", E_USER_ERROR)', 'return fn () => 1'] as $code) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 1, 'task_worker_num' => 1]);
    \$server->on('workerError', function (\$server, \$id, \$pid, \$code, \$signal) { say("worker \$id ended with \$code"); });
    \$server->on('task', function (\$server, \$id, \$source, \$data) {
        if (\$data === 'end') {
            $code;
        }
        return \$data;
    });
    \$server->on('finish', function (\$server, \$id, \$result) { say('result ' . json_encode(\$result)); });
    \$server->on('taskLost', function (\$server, \$id, \$source, \$reason) { say("lost \$id of \$source: \$reason"); });
    \$server->on('receive', function (\$server, \$fd) {
        \$begun = microtime(true);
        \$results = [\$server->taskwait('end', 30), \$server->getLastError(), microtime(true) - \$begun < 20];
        \$server->task('end');
        \$results[] = \$server->taskwait('next', 30);
        \$server->send(\$fd, json_encode(\$results));
    });
    \$server->start();
    PHP);
    echo "$code: ", $run->ask('go');
    $run->expect('lost 1');
    echo ', exit code ', $run->stop(), "\n";
    $lines = preg_grep('/^(worker|result|lost)/', explode("\n", $run->output()));
    sort($lines);
    echo '  ', implode(', ', $lines), "\n";
}
?>
--EXPECT--
throw new Exception("thrown"): [false,2006,true,"next"], exit code 0
  lost 1 of 0: the task worker died, worker 1 ended with 255, worker 1 ended with 255
exit(7): [false,2006,true,"next"], exit code 0
  lost 1 of 0: the task worker died, worker 1 ended with 7, worker 1 ended with 7
exit(0): [false,2006,true,"next"], exit code 0
  lost 1 of 0: the task worker died
trigger_error("fatal", E_USER_ERROR): [false,2006,true,"next"], exit code 0
  lost 1 of 0: the task worker died, worker 1 ended with 255, worker 1 ended with 255
return fn () => 1: [false,2006,true,"next"], exit code 0
  lost 1 of 0: the task worker died, worker 1 ended with 255, worker 1 ended with 255
