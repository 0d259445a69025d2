--TEST--
What each process sees of properties changed in the others
--DESCRIPTION--
The articles' experiment: a child has its parent's values as they were at its own fork; nothing is shared afterwards.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 1]);
$server->BaseProcess = "I'm base process.";
$show = function ($where, $server) {
    say("$where:" . ($server->BaseProcess ?? 'unset') . '|' . ($server->MasterToManager ?? 'unset') . '|'
        . ($server->ManagerToWorker ?? 'unset'));
};
$server->on('start', function ($server) use ($show) {
    $show('onStart', $server);
    $server->BaseProcess = 'changed by master';
    $server->MasterToManager = 'set by master';
});
$server->on('managerStart', function ($server) use ($show) {
    $show('onManagerStart', $server);
    $server->BaseProcess = 'changed by manager';
    $server->MasterToManager = 'changed by manager';
    $server->ManagerToWorker = 'set by manager';
});
$generation = 0;
$server->on('workerStart', function ($server) use ($show) {
    $show('onWorkerStart', $server);
    $server->MasterToManager = $server->ManagerToWorker = 'set by worker';
});
$server->on('workerStop', fn ($server) => $show('onWorkerStop', $server));
$server->on('managerStop', fn ($server) => $show('onManagerStop', $server));
$server->on('shutdown', fn ($server) => $show('onShutdown', $server));
$server->start();
$show('after start', $server);
PHP);
$run->expect('onStart');
$run->expect('onManagerStart');
$run->expect('onWorkerStart');
$run->kill(10);
$run->expect('onWorkerStart', 2);
echo 'exit code ', $run->stop(), "\n";
foreach (['onStart', 'onManagerStart', 'onWorkerStart', 'onWorkerStop', 'onManagerStop', 'onShutdown', 'after start'] as $where) {
    foreach ($run->lines("$where:") as $line) {
        echo "$where: $line\n";
    }
}
?>
--EXPECTF--
exit code 0
onStart: I'm base process.|unset|unset
onManagerStart: I'm base process.|unset|unset
onWorkerStart: I'm base process.|unset|unset
onWorkerStart: changed by manager|changed by manager|set by manager
onWorkerStop: I'm base process.|set by worker|set by worker
onWorkerStop: changed by manager|set by worker|set by worker
onManagerStop: changed by manager|changed by manager|set by manager
onShutdown: changed by master|set by master|unset
after start: changed by master|set by master|unset
