--TEST--
send() and close() from every kind of process
--DESCRIPTION--
onClose runs in the worker that has the session, with -1, whoever has closed it. What was sent before is delivered.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$master = getmypid();
// Each worker has its sessions: 1 is of worker 1, 2 of worker 0.
$server = server(['worker_num' => 2, 'reactor_num' => 1, 'dispatch_mode' => 2, 'dispatch_func' => function ($server, $fd, $type, $data) {
    static $done = false;
    if ($type === 0 && $data === 'master' && !$done) {
        $done = true;
        say('master ' . json_encode([$server->send(1, 'from the master'), $server->close(1), $server->send(99, 'x'), $server->getLastError()]));
    }
    return SWOOLE_DISPATCH_RESULT_USERFUNC_FALLBACK;
}]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    [$who, $whom] = explode(' ', "$data ");
    if ($who === 'worker') {
        say('worker ' . json_encode([$server->send((int)$whom, 'from a worker'), $server->close((int)$whom), $server->close(99), $server->getLastError()]));
    }
    $server->send($fd, "worker $server->worker_id");
});
$server->on('close', fn ($server, $fd, $reactor) => say("close $fd in worker $server->worker_id " . ($reactor === -1 ? 'by the server' : 'by the client')));
$server->on('beforeReload', fn ($server) => say('manager ' . json_encode([$server->send(4, 'from the manager'), $server->close(4), $server->close(99), $server->getLastError()])));
$server->start();
PHP);
$talk = function ($socket, string $what) {
    fwrite($socket, $what);
    return fread($socket, 100);
};
$first = $run->connect();
$second = $run->connect();
echo $talk($first, 'x'), ', ', $talk($second, 'x'), "\n";
echo $talk($second, 'master'), "\n", stream_get_contents($first), "\n";
$third = $run->connect();
echo $talk($third, 'x'), "\n";
echo $talk($second, 'worker 3'), "\n", stream_get_contents($third), "\n";
$fourth = $run->connect();
$talk($fourth, 'x');
$run->kill(10);
echo stream_get_contents($fourth), "\n";
$run->expect('by the server', 3);
echo 'exit code ', $run->stop(), "\n";
// Sorted: who has closed says so after it, the worker meanwhile.
$lines = explode("\n", trim($run->output()));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
worker 1, worker 0
worker 0
from the master
worker 1
worker 0
from a worker
from the manager
exit code 0
close 1 in worker 1 by the server
close 2 in worker 0 by the client
close 3 in worker 1 by the server
close 4 in worker 0 by the server
manager [true,true,false,1005]
master [true,true,false,1005]
worker [true,true,false,1005]
