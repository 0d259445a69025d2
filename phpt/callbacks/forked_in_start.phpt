--TEST--
A child forked in onStart does not keep the port or the pid file's lock
--DESCRIPTION--
After a stop, and after a SIGKILL of the master, nobody listens any more although the child lives, and the next server may
use the same pid file.
--SKIPIF--
<?php
if (!function_exists('pcntl_fork')) {
    die('skip pcntl is missing');
}
?>
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['stop' => 15, 'kill' => 9] as $how => $signal) {
    $run = serve(<<<'PHP'
    $server = server(['pid_file' => getenv('SKEP_DIR') . '/pid']);
    $server->on('start', function () {
        if (pcntl_fork() === 0) {
            say('child ' . getmypid());
            sleep(60);
        }
    });
    $server->start();
    PHP);
    echo $run->ask('x'), "\n";
    $run->expect('child ');
    $child = (int)$run->lines('child ')[0];
    $port = $run->port();
    $run->kill($signal);
    $refused = eventually(fn () => !@stream_socket_client("tcp://127.0.0.1:$port", $code, $text, 1));
    echo "$how: ", $refused ? 'nobody listens' : 'somebody listens', ', ', is_dir("/proc/$child") ? 'the child lives' : 'no child', "\n";
    $free = fn () => flock(fopen($run->path('pid'), 'c'), LOCK_EX | LOCK_NB);
    echo eventually($free, 3.0) ? 'the lock is free' : 'the lock is held', "\n";
    $run->kill(9, $child);
    $run->wait();
}
?>
--EXPECT--
got x
stop: nobody listens, the child lives
the lock is free
got x
kill: nobody listens, the child lives
the lock is free
