--TEST--
beforeReload and afterReload run in the manager, around the replacement of the workers
--DESCRIPTION--
Each reload has one of each, in whatever way it was asked for; an exception in one does not stop the reload.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2]);
$here = fn ($server) => getmypid() === $server->manager_pid ? 'manager' : 'elsewhere';
$workers = fn ($server) => $server->getWorkerPid(0) . ' ' . $server->getWorkerPid(1);
$old = '';
$server->on('BEFORERELOAD', function (...$args) use ($here, $workers, &$old) {
    $old = $workers($args[0]);
    say('before in ' . $here($args[0]) . ' with ' . count($args));
    if (@fopen(getenv('SKEP_DIR') . '/thrown', 'x')) {
        throw new Exception('in beforeReload');
    }
});
$server->on('afterReload', function (...$args) use ($here, $workers, &$old) {
    $same = array_intersect(explode(' ', $old), explode(' ', $workers($args[0])));
    say('after in ' . $here($args[0]) . ' with ' . count($args) . ', ' . count($same) . ' old workers left');
});
$server->on('workerStart', fn ($server, $id) => say('worker starts'));
$server->on('start', fn () => say('started'));
$server->on('receive', fn ($server, $fd) => $server->send($fd, json_encode($server->reload())));
$server->start();
PHP, ['display_errors=0', 'log_errors=0']);
$run->expect('worker starts', 2);
$run->expect('started'); // the master heeds signals
foreach (['signal to the master', 'signal to the manager', 'method'] as $i => $how) {
    match ($how) {
        'signal to the master' => $run->kill(10),
        'signal to the manager' => $run->kill(10, $run->child($run->pid)),
        'method' => print($run->ask('x') . "\n"),
    };
    $run->expect('after in', $i + 1);
    $run->expect('worker starts', 4 + 2 * $i);
    echo "$how: ", count($run->lines('before in')), ' ', count($run->lines('after in')), "\n";
}
echo 'exit code ', $run->stop(), "\n", implode("\n", array_unique(preg_grep('/before|after/', $run->lines('')))), "\n", $run->log();
?>
--EXPECTF--
signal to the master: 1 1
signal to the manager: 2 2
true
method: 3 3
exit code 0
before in manager with 1
after in manager with 1, 0 old workers left
$0 INFO Server is reloading all workers now
$0 ERROR beforeReload() (ERRNO 503): Fatal error: Uncaught Exception: in beforeReload in %s/server.php:11
$0 INFO Server is reloading all workers now
$0 INFO Server is reloading all workers now
#0 INFO Server is shutdown now
