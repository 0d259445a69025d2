--TEST--
Nobody outlives both supervisors, whatever a script does with its signals
--DESCRIPTION--
Master and manager are killed in one breath while workers and task workers are in callbacks: with a time limit of their own by
SIGALRM, with handlers for every signal, with every signal blocked that PHP can name.
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$ways = [
    'alarm' => 'pcntl_async_signals(true); pcntl_signal(SIGALRM, fn () => say("time is up")); pcntl_alarm(60);',
    'handlers' => 'pcntl_async_signals(true); foreach ($all as $signal) { @pcntl_signal($signal, fn () => null); }',
    'blocked' => 'foreach ($all as $signal) { @pcntl_sigprocmask(SIG_BLOCK, [$signal]); }',
];
foreach ($ways as $way => $code) {
    foreach (['master first', 'manager first'] as $order) {
        $run = serve(<<<PHP
        function stay() {
            \$all = array_diff(range(1, 64), [9, 19, 32, 33]);
            $code
            say('stays');
            for (\$end = time() + 60; time() < \$end;) { usleep(10000); }
        }
        \$server = server(['task_worker_num' => 1]);
        \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) {
            \$server->task(\$data);
            stay();
        });
        \$server->on('task', fn () => stay());
        \$server->start();
        PHP);
        fwrite($client = $run->connect(), 'x');
        $run->expect('stays', 2);
        $manager = $run->child($run->pid);
        $victims = $order === 'master first' ? [$run->pid, $manager] : [$manager, $run->pid];
        exec('kill -9 ' . implode(' ', $victims));
        $began = microtime(true);
        $run->wait();
        echo "$way, $order: ", microtime(true) - $began < 2 ? 'gone' : 'late', "\n";
    }
}
?>
--EXPECT--
alarm, master first: gone
alarm, manager first: gone
handlers, master first: gone
handlers, manager first: gone
blocked, master first: gone
blocked, manager first: gone
