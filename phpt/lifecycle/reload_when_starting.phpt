--TEST--
reload() and SIGUSR1 are heeded at once, also while the manager or the master is starting
--DESCRIPTION--
No wish is lost because a process is about to sleep, and nobody is killed for it.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([
    'managerStart' => '$s->reload()',
    'start' => '$s->reload()',
    'workerStart' => '$s->reload()',
    'signal in managerStart' => 'signal_self()',
] as $event => $ask) {
    $name = str_replace('signal in ', '', $event);
    $run = serve(<<<PHP
    function signal_self() { proc_close(proc_open(['kill', '-USR1', (string)getmypid()], [], \$pipes)); return true; }
    \$server = server();
    \$server->on('$name', function (\$s) {
        if (@fopen(getenv('SKEP_DIR') . '/asked', 'x')) {
            say('asked ' . json_encode($ask));
        }
    });
    \$server->on('workerStop', fn () => say('worker stops'));
    \$server->start();
    PHP);
    $run->expect('asked');
    $began = microtime(true);
    $run->expectLog('Server is reloading all workers now');
    $run->expect('worker stops');
    $soon = microtime(true) - $began < 2.5; // max_wait_time is 3: a lost wake-up would be found then
    echo "$event: ", implode($run->lines('asked ')), $soon ? '' : ' late', ', ', $run->ask('x'), ', exit code ', $run->stop(), "\n";
    echo $run->log();
}
?>
--EXPECT--
managerStart: true, got x, exit code 0
$0 INFO Server is reloading all workers now
#0 INFO Server is shutdown now
start: true, got x, exit code 0
$0 INFO Server is reloading all workers now
#0 INFO Server is shutdown now
workerStart: true, got x, exit code 0
$0 INFO Server is reloading all workers now
#0 INFO Server is shutdown now
signal in managerStart: true, got x, exit code 0
$0 INFO Server is reloading all workers now
#0 INFO Server is shutdown now
