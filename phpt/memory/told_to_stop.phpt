--TEST--
A worker that waits for ever in Atomic::wait stops when it is told to, without being killed
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
    $atomic = new Skep\Atomic();
    $server = server(['worker_num' => 2, 'max_wait_time' => 20]);
    $server->on('receive', function ($server, $fd, $reactor, $data) use ($atomic) {
        $server->send($fd, getmypid());
        say('woken ' . var_export($atomic->wait(0), true));
    });
    $server->on('workerError', fn () => say('error'));
    $server->start();
    PHP);
$pid = (int)$run->ask('wait');
$run->kill(15, $pid);
$run->expect('woken false');
var_dump((bool)eventually(fn () => !file_exists("/proc/$pid")));
eventually(fn () => (int)$run->ask('wait') !== $pid); // of its successor, or of the other one
$start = microtime(true);
var_dump($run->stop(), microtime(true) - $start < 8);
echo implode(' ', array_unique($run->lines('woken '))), "\n";
echo $run->log();
?>
--EXPECT--
bool(true)
int(0)
bool(true)
false
#0 INFO Server is shutdown now
