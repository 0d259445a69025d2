--TEST--
Signal handlers of the script do not break the server's own signals
--DESCRIPTION--
pcntl handlers for SIGTERM and SIGUSR1, installed before start() and in onWorkerStart, with pcntl_async_signals: stop,
reload, stop() of a worker, TERM to one and the replacement of a dead one work as ever.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['before start()', 'in onWorkerStart', 'in both'] as $where) {
    $run = serve(<<<PHP
    pcntl_async_signals(true);
    \$install = function (string \$place) {
        foreach ([SIGTERM, SIGUSR1, SIGCHLD, SIGALRM] as \$signal) {
            pcntl_signal(\$signal, fn () => say("handler of \$place for \$signal"));
        }
    };
    \$server = server();
    if ('$where' !== 'in onWorkerStart') {
        \$install('the script');
    }
    \$server->on('workerStart', function (\$server) use (\$install) {
        if ('$where' !== 'before start()') {
            \$install('the worker');
        }
        say("worker {\$server->worker_pid}");
    });
    \$server->on('workerStop', fn () => say('worker stops'));
    \$server->on('afterReload', fn () => say('reloaded'));
    \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) {
        if (\$data === 'stop') {
            \$server->stop();
        }
        \$server->send(\$fd, "got \$data");
    });
    \$server->start();
    '$where' === 'in onWorkerStart' || proc_close(proc_open(['kill', '-USR1', (string)getmypid()], [], \$pipes));
    usleep(1000); // handlers run between two instructions
    say('after start');
    PHP);
    $workers = 1;
    $run->expect('worker ', $workers);
    $pid = fn () => (int)array_slice(preg_grep('/^\d+$/', $run->lines('worker ')), -1)[0];
    echo "$where: ", $run->ask('x');
    $run->kill(10); // a reload
    $run->expect('reloaded');
    echo ', reload ', $run->ask('x');
    $run->ask('stop');
    $run->expect('worker stops', 2);
    echo ', stop() ', $run->ask('x');
    $old = $pid();
    $run->kill(15, $old);
    // TERM is the engine's, whatever the script installs: the worker ends in order.
    $run->expect('worker stops', 3);
    eventually(fn () => $pid() !== $old);
    echo ', TERM to the worker ', $run->ask('x');
    $old = $pid();
    $run->kill(9, $old);
    eventually(fn () => $pid() !== $old);
    echo ', KILL ', $run->ask('x'), "\n";
    $client = $run->connect();
    $began = microtime(true);
    echo 'exit code ', $run->stop(), microtime(true) - $began < 2.5 ? '' : ' late', ', ', implode(', ', array_unique(preg_grep('/handler|after/', $run->lines('')))), "\n";
}
?>
--EXPECT--
before start(): got x, reload got x, stop() got x, TERM to the worker got x, KILL got x
exit code 0, handler of the script for 10, handler of the script for 17, after start
in onWorkerStart: got x, reload got x, stop() got x, TERM to the worker got x, KILL got x
exit code 0, after start
in both: got x, reload got x, stop() got x, TERM to the worker got x, KILL got x
exit code 0, handler of the script for 10, handler of the script for 17, after start
