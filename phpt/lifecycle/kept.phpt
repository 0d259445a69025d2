--TEST--
A stop that has to kill says who was killed in what
--DESCRIPTION--
A chain of calls put off that has no end, a task that takes too long: the lines that announce their forced ends name them.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['max_wait_time' => 1, 'task_worker_num' => 1]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $server->task('x');
    $again = function () use (&$again) { usleep(1000); Skep\Event::defer($again); };
    Skep\Event::defer($again);
    $server->send($fd, 'it goes on');
});
$server->on('task', function () { say('task'); sleep(60); });
$server->start();
PHP);
echo $run->ask('x'), "\n";
$run->expect('task');
echo $run->stop() === 0 ? 'in order' : 'by force', "\n";
$lines = preg_grep('/9101/', explode("\n", $run->log()));
sort($lines);
echo preg_replace('/pid \d+/', 'pid', implode("\n", $lines)), "\n";
?>
--EXPECT--
it goes on
by force
$0 WARNING kill() (ERRNO 9101): wait timeout, all worker processes will be forcibly terminated: worker 1 (pid), last callback onTask
*0 WARNING exit() (ERRNO 9101): worker exit timeout, forced termination, it was kept by 1 calls put off (defer)
