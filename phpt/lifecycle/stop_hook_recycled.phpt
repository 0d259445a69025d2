--TEST--
onWorkerStop runs in workers that are replaced while they are well
--DESCRIPTION--
By a reload of either kind, by max_request, by worker_max_memory, and at the end of the server: once in each process, in
that process, and no error is reported.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$ways = [
    'reload' => [[], fn ($run) => $run->kill(10)],
    'rolling reload' => [['reload_async' => false], fn ($run) => $run->kill(10)],
    'max_request' => [['max_request' => 3, 'max_request_grace' => 0], function ($run) {
        for ($i = 0; $i < 3; $i++) {
            $run->ask('x');
        }
    }],
    'worker_max_memory' => [['worker_max_memory' => 64 << 20], fn ($run) => $run->ask('grow')],
    'shutdown()' => [[], fn ($run) => $run->ask('shutdown')],
];
foreach ($ways as $way => [$settings, $leave]) {
    $settings = var_export($settings, true);
    $run = serve(<<<PHP
    \$server = server($settings);
    \$server->on('start', fn () => say('started'));
    \$server->on('workerStart', fn () => say('starts ' . getmypid()));
    \$server->on('workerStop', fn (\$server, \$id) => say('stops ' . getmypid()));
    \$server->on('workerError', fn () => say('worker error'));
    \$hoard = '';
    \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) use (&\$hoard) {
        \$data === 'grow' && \$hoard = str_repeat('x', 80 << 20);
        \$data === 'shutdown' && \$server->shutdown();
        \$server->send(\$fd, "got \$data");
    });
    \$server->start();
    PHP);
    $run->expect('started');
    $run->expect('starts ');
    $leave($run);
    $run->expect('stops ');
    if ($way === 'shutdown()') {
        $code = $run->wait();
    } else {
        $run->expect('starts ', 2);
        $code = $run->stop();
    }
    [$starts, $stops] = [$run->lines('starts '), $run->lines('stops ')];
    sort($starts);
    sort($stops);
    echo "$way: exit code $code, ", count($starts), ' started, ', $starts === $stops ? 'each stopped once' : 'others stopped',
        str_repeat(', error', count($run->lines('worker error'))), "\n";
}
?>
--EXPECT--
reload: exit code 0, 2 started, each stopped once
rolling reload: exit code 0, 2 started, each stopped once
max_request: exit code 0, 2 started, each stopped once
worker_max_memory: exit code 0, 2 started, each stopped once
shutdown(): exit code 0, 1 started, each stopped once
