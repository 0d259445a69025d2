--TEST--
Order of callbacks in each process, and their properties
--DESCRIPTION--
Both pids are known in every callback; worker_id and worker_pid in workers only.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2]);
$master = getmypid();
$say = function ($event) use ($master) {
    return function ($server) use ($event, $master) {
        $role = match (getmypid()) {
            $server->master_pid => 'master',
            $server->manager_pid => 'manager',
            default => "worker$server->worker_id",
        };
        $pids = $server->master_pid === $master && $server->manager_pid > $master
            && $server->getMasterPid() === $master && $server->getManagerPid() === $server->manager_pid;
        $worker = $server->worker_id < 0
            ? $server->worker_pid === 0 && $server->getWorkerId() === false && $server->getWorkerPid() === false
            : $server->worker_pid === getmypid() && $server->getWorkerId() === $server->worker_id
                && $server->getWorkerPid() === getmypid();
        say("$role:$event " . ($pids ? 'pids ' : 'NO PIDS ') . ($worker ? 'worker' : 'WRONG WORKER')
            . ' ' . json_encode($server->taskworker));
    };
};
foreach (['start', 'beforeShutdown', 'shutdown', 'managerStart', 'managerStop', 'workerStart', 'workerStop', 'connect', 'close'] as $event) {
    $server->on($event, $say($event));
}
$server->on('receive', function ($server, $fd, $reactor, $data) use ($say) {
    $say('receive')($server);
    $server->send($fd, "got $data");
});
var_dump($server->start());
PHP);
$run->ask('x');
$run->expect('close');
$run->expect('start');
$run->expect('managerStart');
$run->expect('workerStart', 2);
echo 'exit code ', $run->stop(), "\n";
foreach (['master', 'manager', 'worker0', 'worker1', 'bool'] as $role) {
    foreach ($run->lines($role) as $line) {
        echo "$role$line\n";
    }
}
?>
--EXPECTF--
exit code 0
master:start pids worker false
master:beforeShutdown pids worker false
master:shutdown pids worker false
manager:managerStart pids worker false
manager:managerStop pids worker false
worker0:workerStart pids worker false
worker0:workerStop pids worker false
worker1:workerStart pids worker false
worker1:connect pids worker false
worker1:receive pids worker false
worker1:close pids worker false
worker1:workerStop pids worker false
bool(true)
