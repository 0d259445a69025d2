--TEST--
A callback that exceeds worker_deadline ends as PHP's own time limit ends a script
--DESCRIPTION--
As after any fatal error shutdown functions run, destructors, finally blocks and the stop hook do not. Busy loops and waits are both ended, compiled by the JIT or
not, and another worker serves on.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([
    'empty loop' => 'for (;;) {}',
    'counting' => '$n = 0; while (true) { $n += 1; }',
    'calls' => 'function f($n) { return $n + 1; } $n = 0; do { $n = f($n); } while ($n);',
    'sleep' => 'sleep(60);',
    'usleep in a loop' => 'while (true) { usleep(1000); }',
] as $what => $code) {
    $run = serve(<<<PHP
    class Last { public \$role = 'other'; function __destruct() { say("destructor in \$this->role"); } }
    \$last = new Last;
    register_shutdown_function(fn () => say('shutdown function in ' . \$last->role));
    \$server = server(['worker_deadline' => 0.3]);
    \$server->on('workerStart', function () use (\$last) { \$last->role = 'worker'; });
    \$server->on('workerStop', fn () => say('worker stops'));
    \$server->on('workerError', fn (\$server, \$id, \$pid, \$code, \$signal) => say("worker error \$code \$signal"));
    \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) {
        if (\$data === 'go') {
            try { $code } finally { say('finally'); }
        }
        \$server->send(\$fd, "got \$data");
    });
    \$server->start();
    PHP, ['display_errors=0', 'log_errors=0']);
    $began = microtime(true);
    echo "$what: '", $run->ask('go'), "'", microtime(true) - $began < 3 ? '' : ' late', ', ', $run->ask('x'), "\n";
    $said = implode(', ', preg_grep('/worker|finally/', $run->lines('')));
    echo $said, ', exit code ', $run->stop(), "\n";
    echo implode("\n", preg_grep('/ERRNO 503/', explode("\n", $run->log()))), "\n";
}
?>
--EXPECTF--
empty loop: '', got x
shutdown function in worker, worker error 255 0, exit code 0
*0 ERROR receive() (ERRNO 503): Fatal error: Maximum execution time of worker_deadline exceeded in %s/server.php on line 12
counting: '', got x
shutdown function in worker, worker error 255 0, exit code 0
*0 ERROR receive() (ERRNO 503): Fatal error: Maximum execution time of worker_deadline exceeded in %s/server.php on line 12
calls: '', got x
shutdown function in worker, worker error 255 0, exit code 0
*0 ERROR receive() (ERRNO 503): Fatal error: Maximum execution time of worker_deadline exceeded in %s/server.php on line 12
sleep: '', got x
shutdown function in worker, worker error 255 0, exit code 0
*0 ERROR receive() (ERRNO 503): Fatal error: Maximum execution time of worker_deadline exceeded in %s/server.php on line 12
usleep in a loop: '', got x
shutdown function in worker, worker error 255 0, exit code 0
*0 ERROR receive() (ERRNO 503): Fatal error: Maximum execution time of worker_deadline exceeded in %s/server.php on line 12
