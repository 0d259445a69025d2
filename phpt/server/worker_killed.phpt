--TEST--
A worker killed in the middle of a callback
--DESCRIPTION--
Its connection is closed, the others are served by the next worker, onWorkerError says why.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('workerError', fn ($s, $id, $pid, $code, $signal) => say("error $id $code $signal " . ($pid > 0 ? 'pid' : '')));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'pid') {
        $server->send($fd, (string)getmypid());
    } elseif ($data === 'hang') {
        say('hanging');
        sleep(100);
    } else {
        $server->send($fd, "got $data");
    }
});
$server->start();
PHP);
$other = $run->connect();
fwrite($other, 'one');
var_dump(fread($other, 100));
$pid = (int)$run->ask('pid');
$victim = $run->connect();
fwrite($victim, 'hang');
$run->expect('hanging');
fwrite($other, 'two');
$run->kill(9, $pid);
var_dump(stream_get_contents($victim), fread($other, 100), (int)$run->ask('pid') !== $pid);
echo 'exit code ', $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECTF--
string(7) "got one"
string(0) ""
string(7) "got two"
bool(true)
exit code 0
hanging
error 0 0 9 pid
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=0, signal=9
$0 WARNING worker 0 (pid %d) lost: signal 9 (SIGKILL), uptime %f s, 2 requests served, last callback onReceive, fd 3, peak memory %f MiB
#0 INFO Server is shutdown now
