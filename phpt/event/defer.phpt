--TEST--
$server->defer() runs in each process of a server: behind the callback that called it, in order, and at once
--DESCRIPTION--
R72, php-api 13. Event::defer() is the same in master, worker and user process; in a task worker and the manager it is an error (event/roles.phpt),
$server->defer() is not. What a deferred call puts off comes in the next turn; nothing has to wake the process for it.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
function put_off($server, string $where): void
{
    $lines = [];
    $server->defer(function () use ($server, $where, &$lines) {
        $lines[] = 'first';
        $server->defer(function () use ($server, $where, &$lines) {
            $lines[] = 'nested';
            say("$where: " . implode(', ', $lines));
        });
    });
    $server->defer(function () use (&$lines) { $lines[] = 'second'; });
    $lines[] = 'callback';
}

$server = server(['worker_num' => 1, 'task_worker_num' => 1]);
$server->on('start', function ($server) {
    put_off($server, 'master, start');
    $server->after(5, fn () => put_off($server, 'master, timer'));
    Skep\Event::defer(fn () => say('master, Event'));
});
$server->on('managerStart', function ($server) {
    put_off($server, 'manager, start');
    $server->after(5, fn () => put_off($server, 'manager, timer'));
});
$server->on('workerStart', function ($server) {
    $who = $server->taskworker ? 'task worker' : 'worker';
    put_off($server, "$who, start");
    $server->after(5, fn () => put_off($server, "$who, timer"));
    $server->taskworker || Skep\Event::defer(fn () => say('worker, Event'));
});
$server->on('receive', function ($server, $fd, $reactor, $data) {
    put_off($server, 'worker, receive');
    $server->task('x');
    $server->sendMessage('x', 1);
    $server->send($fd, 'done');
});
$server->on('task', function ($server) {
    put_off($server, 'task worker, task');
    return 'result';
});
$server->on('finish', fn ($server) => put_off($server, 'worker, finish'));
$server->on('pipeMessage', fn ($server) => put_off($server, 'task worker, message'));
$server->on('close', fn ($server) => put_off($server, 'worker, close'));
$server->addProcess(new Skep\Process(function () use ($server) {
    put_off($server, 'user process, wait');
    Skep\Event::wait();
    put_off($server, 'user process, end'); // runs behind this
    Skep\Event::defer(function () { say('user process, Event'); Skep\Timer::after(60000, fn () => 1); });
}));
$server->start();
PHP);
$run->ask('x');
$run->expect('master, ', 3);
$run->expect('manager, ', 2);
$run->expect('worker, close');
$run->expect('worker, timer', 2);
$run->expect('worker, finish');
$run->expect('worker, Event');
$run->expect('task worker, message');
$run->expect('task worker, task');
$run->expect('user process, ', 3);
var_dump($run->stop());
$lines = explode("\n", trim($run->output()));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
int(0)
manager, start: callback, first, second, nested
manager, timer: callback, first, second, nested
master, Event
master, start: callback, first, second, nested
master, timer: callback, first, second, nested
task worker, message: callback, first, second, nested
task worker, start: callback, first, second, nested
task worker, task: callback, first, second, nested
task worker, timer: callback, first, second, nested
user process, Event
user process, end: callback, first, second, nested
user process, wait: callback, first, second, nested
worker, Event
worker, close: callback, first, second, nested
worker, finish: callback, first, second, nested
worker, receive: callback, first, second, nested
worker, start: callback, first, second, nested
worker, timer: callback, first, second, nested
