--TEST--
Timers in the processes of a server: those made before start() run in the master alone; exceptions end a worker
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS);
$server->set(['worker_num' => 2, 'log_file' => getenv('SKEP_DIR') . '/log', 'max_wait_time' => 1]);
Skep\Timer::after(50, fn () => print('before start: ' . (getmypid() === $GLOBALS['server']->master_pid ? 'master' : 'another') . "\n"));
$server->on('managerStart', fn ($server) => $server->tick(30, function ($id) use ($server) {
    echo "manager tick $id\n";
    $server->clearTimer($id);
    throw new LogicException('in the manager');
}));
$server->on('workerStart', function ($server, $worker) {
    if ($worker === 0) {
        $server->after(20, function (...$params) use ($server) {
            echo 'worker after ', json_encode($params), "\n";
            $server->defer(fn () => print("worker deferred\n"));
        }, 'x');
    }
});
$server->on('workerError', fn ($server, $worker, $pid, $code, $signal, $death) => print("worker error $code in {$death['callback']}\n"));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $server->tick(10, function ($id) use ($data, $server, $fd) {
        $server->send($fd, 'pushed');
        if ($data === 'throw') {
            throw new LogicException('boom');
        }
        if ($data === 'exit') {
            exit(9);
        }
        $server->clearTimer($id);
    });
});
announce($server->port);
$server->start();
echo "after start\n";
PHP);
foreach (['push', 'throw', 'exit'] as $what) {
    echo $run->ask($what), "\n";
}
$run->expect('worker error 255 in timer');
$run->expect('worker error 9 in timer');
$run->expect('before start: master');
$run->expect('manager tick 1');
$run->expect('worker deferred');
echo 'exit code ', $run->stop(), "\n";
foreach (['before start: another', 'worker after ["x"]', 'after start'] as $text) {
    echo $text, ': ', substr_count($run->output(), $text) > 0 ? 'yes' : 'no', "\n";
}
echo preg_match('/timer\(\) \(ERRNO 503\): Fatal error: Uncaught LogicException: boom/', $run->log()), "\n";
?>
--EXPECT--
pushed
pushed
pushed
exit code 0
before start: another: no
worker after ["x"]: yes
after start: yes
1
