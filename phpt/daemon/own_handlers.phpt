--TEST--
Handlers a script installs with pcntl do not keep TERM from the server
--SKIPIF--
<?php if (!extension_loaded('pcntl')) die('skip needs pcntl'); ?>
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['before' => [1, 0], 'within' => [0, 1]] as $when => [$before, $within]) {
    foreach (['SIG_IGN', 'SIG_DFL', 'fn () => say("caught")'] as $handler) {
        $run = serve("
            function mine() { pcntl_async_signals(true); pcntl_signal(SIGTERM, $handler); pcntl_signal(SIGCHLD, SIG_DFL); }
            if ($before) mine();
            \$server = server();
            foreach (['start', 'managerStart', 'workerStart'] as \$event) {
                \$server->on(\$event, function () use (\$event) { if ($within) mine(); say(\$event); });
            }
            \$server->on('shutdown', fn () => say('shutdown'));
            \$server->start();");
        foreach (['start', 'managerStart', 'workerStart'] as $event) {
            $run->expect("$event\n");
        }
        $run->ask('served');
        echo "$when: ", $run->stop(), ' ', count($run->lines('shutdown')), "\n";
    }
}
?>
--EXPECT--
before: 0 1
before: 0 1
before: 0 1
within: 0 1
within: 0 1
within: 0 1
