--TEST--
Server::addProcess(): reload, stop, and signals of its own
--DESCRIPTION--
lifecycle 5.1, 9: a reload does not touch it. At a stop it gets SIGTERM when all workers are gone; the default action ends it, a handler may
end it cleanly, and one that ignores it is killed at the deadline.
--EXTENSIONS--
pcntl
posix
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\{Event, Process};
$server = server(['worker_num' => 1, 'task_worker_num' => 1, 'max_wait_time' => 1]);
$server->on('task', fn () => null);
$server->on('workerStart', fn ($server, $id) => say("start $id"));
$server->on('workerStop', function ($server, $id) { usleep(100000); say("stop $id"); });
$server->on('afterReload', fn () => say('reloaded'));
$server->on('managerStop', fn () => say('manager stop'));
$server->on('workerError', fn ($server, $id, $pid, $code, $signal) => say("error $id $code $signal"));
$lives = [
    'default' => fn () => sleep(60),
    'loop' => function () {
        Process::signal(SIGTERM, function () { say('loop: end'); exit(0); });
        Event::wait();
    },
    'read' => function ($p) {
        $end = false;
        Process::signal(SIGTERM, function () use (&$end) { $end = true; });
        while (!$end) {
            $p->read();
        }
        Process::signal(SIGTERM, null);
        say('read: end');
    },
    'pcntl' => function () {
        pcntl_async_signals(true);
        pcntl_signal(SIGTERM, function () { say('pcntl: end'); exit(0); });
        while (true) {
            sleep(60);
        }
    },
    'deaf' => function () {
        pcntl_sigprocmask(SIG_BLOCK, range(1, 31));
        while (true) {
            sleep(60);
        }
    },
];
foreach ($lives as $name => $life) {
    $server->addProcess(new Process(function ($p) use ($name, $life) {
        say("born $name");
        foreach ([SIGUSR1, SIGUSR2, SIGHUP, SIGPIPE, SIGWINCH] as $signal) {
            posix_kill(getmypid(), $signal);
        }
        $life($p);
    }));
}
$server->start();
PHP);
$run->expect('born ', 5);
$run->expect('start ', 2);
$run->kill(10);
$run->expect('reloaded');
$run->kill(12);
$run->expect('reloaded', 2);
echo count($run->lines('born ')), " births\n";
usleep(100000); // until all of them have their handlers
$begin = microtime(true);
var_dump($run->stop());
var_dump(microtime(true) - $begin < 2 * 1.0 + 1.0);
$output = $run->output();
foreach (['loop', 'read', 'pcntl'] as $name) {
    $place = strpos($output, "$name: end");
    echo "$name ", $place === false ? 'was killed' : ($place > strrpos($output, 'stop 0') ? 'ended behind the workers' : 'ended before'), "\n";
}
echo strrpos($output, 'manager stop') > strrpos($output, ': end') ? 'in time' : 'late', "\n";
echo count($run->lines('born ')), ' births, ', count($run->lines('error ')), " errors\n";
echo preg_replace('/pid \d+/', 'pid', implode("\n", preg_grep('/WARNING/', explode("\n", $run->log())))), "\n";
?>
--EXPECT--
5 births
int(0)
bool(true)
loop ended behind the workers
read ended behind the workers
pcntl ended behind the workers
in time
5 births, 0 errors
$0 WARNING kill() (ERRNO 9101): wait timeout, all worker processes will be forcibly terminated: worker 6 (pid), last callback user process
