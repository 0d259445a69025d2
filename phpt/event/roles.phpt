--TEST--
Skep\Event, Timer and Process::signal in each process of a server
--DESCRIPTION--
php-api 13: a task worker has no loop for descriptors and calls put off, the manager neither: E_ERROR. Both have timers. php-api 4.1: the engine's
signals are refused, the others are free.
--EXTENSIONS--
posix
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

function roles(string $body): Run
{
    return serve(<<<PHP
    \$server = server(['worker_num' => 1, 'task_worker_num' => 1]);
    \$server->on('task', fn () => null);
    $body
    \$server->start();
    PHP);
}

foreach (['Skep\Event::add(STDIN, fn () => 1)', 'Skep\Event::defer(fn () => 1)', 'Skep\Event::cycle(fn () => 1)'] as $call) {
    foreach (['task worker' => "on('workerStart', function (\$server) { if (\$server->taskworker && !file_exists(getenv('SKEP_DIR') . '/once')) {
                    touch(getenv('SKEP_DIR') . '/once'); $call; } })",
              'manager' => "on('managerStart', function (\$server) { $call; })"] as $role => $code) {
        $run = roles("\$server->$code;");
        $run->expect('Unable to use async-io');
        preg_match('/Fatal error: (.*?) in \//', $run->output(), $found);
        $end = $role === 'manager' ? 'the server ends with ' . $run->wait() : 'the server goes on, ' . $run->stop();
        echo "$role, ", explode('(', $call)[0], ": $found[1]\n  $end\n";
    }
}

$run = roles(<<<'PHP'
$try = function (string $role) {
    $refused = [];
    set_error_handler(function ($no, $text) use (&$refused) { $refused[] = preg_replace('/^[^:]+::[^:]+: |processor has been /', '', $text); });
    foreach ([SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGHUP] as $signal) {
        $set = Skep\Process::signal($signal, fn () => 1);
        $set && Skep\Process::signal($signal, null);
    }
    restore_error_handler();
    say("refused in the $role: " . implode(', ', $refused));
    Skep\Process::signal(SIGPROF, function ($signal) use ($role) { say("heard in the $role"); });
    posix_kill(getmypid(), SIGPROF);
    $count = 0;
    Skep\Timer::tick(2, function ($id) use (&$count, $role) {
        if (++$count === 3) {
            Skep\Timer::clear($id);
            say("timer of the $role");
        }
    });
};
$server->on('start', fn () => $try('master'));
$server->on('managerStart', fn () => $try('manager'));
$server->on('workerStart', fn ($server) => $try($server->taskworker ? 'task worker' : 'worker'));
$server->addProcess(new Skep\Process(function () use ($try) {
    $try('user process');
    Skep\Timer::after(60000, fn () => 1);
    Skep\Event::wait();
}));
PHP);
$run->expect('timer of the ', 5);
$run->expect('heard in the ', 5);
var_dump($run->stop());
$lines = explode("\n", trim($run->output()));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
task worker, Skep\Event::add: Skep\Event::add(): Unable to use async-io in task processes, please set `task_enable_coroutine` to true
  the server goes on, 0
manager, Skep\Event::add: Skep\Event::add(): Unable to use async-io in manager process
  the server ends with 255
task worker, Skep\Event::defer: Skep\Event::defer(): Unable to use async-io in task processes, please set `task_enable_coroutine` to true
  the server goes on, 0
manager, Skep\Event::defer: Skep\Event::defer(): Unable to use async-io in manager process
  the server ends with 255
task worker, Skep\Event::cycle: Skep\Event::cycle(): Unable to use async-io in task processes, please set `task_enable_coroutine` to true
  the server goes on, 0
manager, Skep\Event::cycle: Skep\Event::cycle(): Unable to use async-io in manager process
  the server ends with 255
int(0)
heard in the manager
heard in the master
heard in the task worker
heard in the user process
heard in the worker
refused in the manager: signal [15] registered by the system, signal [10] registered by the system, signal [12] registered by the system, signal [17] registered by the system
refused in the master: signal [15] registered by the system, signal [10] registered by the system, signal [12] registered by the system, signal [17] registered by the system
refused in the task worker: signal [15] registered by the system
refused in the user process: 
refused in the worker: signal [15] registered by the system
timer of the manager
timer of the master
timer of the task worker
timer of the user process
timer of the worker
