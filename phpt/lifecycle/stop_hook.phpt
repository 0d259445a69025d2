--TEST--
onWorkerStop runs whenever PHP still can, before shutdown functions and destructors
--DESCRIPTION--
Also after exit() and exceptions, in whatever callback; not after fatal errors and signals. What it does itself does not
change how the worker ended.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$ways = [
    'SIGTERM' => ['receive', '$server->send($fd, "bye"); proc_close(proc_open(["kill", "-TERM", (string)getmypid()], [], $pipes));'],
    'stop()' => ['receive', '$server->send($fd, "bye"); $server->stop();'],
    'exit(0)' => ['receive', 'exit(0);'],
    'exit(5)' => ['receive', 'exit(5);'],
    'exception' => ['receive', 'throw new Exception("thrown");'],
    'exit(6) in close() in receive' => ['close', 'exit(6);'],
    'exception in connect' => ['connect', 'throw new Exception("thrown");'],
    'exit(7) in workerStart' => ['workerStart', 'exit(7);'],
    'exit(8), and another in the hook' => ['receive', 'define("HOOK", "exit(9)"); exit(8);'],
    'exit(8), and an exception in the hook' => ['receive', 'define("HOOK", "throw"); exit(8);'],
    'exit(8), and a fatal error in the hook' => ['receive', 'define("HOOK", "fatal"); exit(8);'],
    'fatal error' => ['receive', 'str_repeat("x", 1 << 40);'],
    'E_USER_ERROR' => ['receive', 'trigger_error("fatal", E_USER_ERROR);'],
    'SIGKILL' => ['receive', 'proc_close(proc_open(["kill", "-KILL", (string)getmypid()], [], $pipes));'],
];
foreach ($ways as $way => [$event, $code]) {
    $run = serve(<<<PHP
    class Last { public \$role = 'master'; function __destruct() { say("destructor in \$this->role"); } }
    \$last = new Last;
    register_shutdown_function(fn () => say('shutdown function in ' . \$last->role));
    \$server = server();
    \$once = fn () => @fopen(getenv('SKEP_DIR') . '/once', 'x');
    \$server->on('managerStart', function () use (\$last) { \$last->role = 'manager'; });
    \$server->on('workerStart', function () use (\$last) { \$last->role = 'worker'; });
    \$server->on('workerStop', function (\$server, \$id) {
        say("worker \$id stops");
        match (defined('HOOK') ? HOOK : '') {
            'exit(9)' => exit(9),
            'throw' => throw new Exception('in the hook'),
            'fatal' => str_repeat('x', 1 << 40),
            default => null,
        };
    });
    \$server->on('receive', fn (\$server, \$fd) => \$server->close(\$fd));
    \$server->on('$event', function (\$server, \$fd = 0) use (\$once, \$last) {
        \$last->role = 'worker';
        if (\$once()) {
            $code
        } elseif ('$event' === 'receive') {
            \$server->close(\$fd);
        }
    });
    \$server->on('workerError', fn (\$server, \$id, \$pid, \$code, \$signal, \$details) => say("worker error \$code \$signal in {\$details['callback']}"));
    \$server->start();
    PHP, ['display_errors=0', 'log_errors=0']);
    $run->ask('x');
    $run->expect(preg_match('/TERM|stop|exit.0/', $way) ? 'destructor in worker' : 'worker error'); // the last that is said
    $first = implode(', ', preg_grep('/worker/', $run->lines('')));
    $run->ask('x'); // by another worker
    echo "$way: $first; exit code ", $run->stop(), "\n";
}
?>
--EXPECT--
SIGTERM: worker 0 stops, shutdown function in worker, destructor in worker; exit code 0
stop(): worker 0 stops, shutdown function in worker, destructor in worker; exit code 0
exit(0): worker 0 stops, shutdown function in worker, destructor in worker; exit code 0
exit(5): worker 0 stops, shutdown function in worker, destructor in worker, worker error 5 0 in onReceive; exit code 0
exception: worker 0 stops, shutdown function in worker, destructor in worker, worker error 255 0 in onReceive; exit code 0
exit(6) in close() in receive: worker 0 stops, shutdown function in worker, destructor in worker, worker error 6 0 in onReceive; exit code 0
exception in connect: worker 0 stops, shutdown function in worker, destructor in worker, worker error 255 0 in onConnect; exit code 0
exit(7) in workerStart: worker 0 stops, shutdown function in worker, destructor in worker, worker error 7 0 in onWorkerStart; exit code 0
exit(8), and another in the hook: worker 0 stops, shutdown function in worker, destructor in worker, worker error 8 0 in onReceive; exit code 0
exit(8), and an exception in the hook: worker 0 stops, shutdown function in worker, destructor in worker, worker error 8 0 in onReceive; exit code 0
exit(8), and a fatal error in the hook: worker 0 stops, shutdown function in worker, worker error 8 0 in onReceive; exit code 0
fatal error: shutdown function in worker, worker error 255 0 in onReceive; exit code 0
E_USER_ERROR: shutdown function in worker, worker error 255 0 in onReceive; exit code 0
SIGKILL: worker error 0 9 in onReceive; exit code 0
