--TEST--
What cannot be unserialized is dropped with a warning in the log, and nobody waits for it
--DESCRIPTION--
An enum that only the worker knows: PHP's unserializer refuses it. A taskwait() for it is false with 2006 at once; a result that the
worker cannot read is dropped; the processes go on. What unserialization throws ends the process as any exception.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
class Refusing { public function __unserialize(array $data): void { throw new Exception('refused'); } }
$server = server(['worker_num' => 1, 'task_worker_num' => 1]);
$server->on('workerStart', function ($server) {
    eval($server->taskworker ? 'enum OfTasker { case A; }' : 'enum OfWorker { case A; }');
});
$server->on('pipeMessage', function ($server, $source, $message) { say("message $message"); });
$server->on('task', fn ($server, $id, $source, $data) => $data === 'yours' ? OfTasker::A : $data);
$server->on('finish', function ($server, $id, $result) { say("result $result"); });
$server->on('receive', function ($server, $fd) {
    $codes = [];
    foreach ([OfWorker::A, 'yours', new Refusing, 'fine'] as $data) {
        swoole_clear_error();
        $result = @$server->taskwait($data, 30);
        $codes[] = [$result, $server->getLastError()];
    }
    $server->task('yours');
    $server->sendMessage(OfWorker::A, 1);
    $server->sendMessage('fine', 1);
    $server->task('fine');
    $server->send($fd, json_encode($codes));
});
$server->start();
PHP);
echo $run->ask('go'), "\n";
$run->expect('message fine');
$run->expect('result fine');
echo 'exit code ', $run->stop(), "\n";
$lines = array_unique(preg_grep('/WARNING unserialize|ERROR.*refused|^(result|message)/', explode("\n", $run->log() . $run->output())));
sort($lines);
echo implode("\n", preg_grep('/Class/', $lines, PREG_GREP_INVERT)), "\n";
?>
--EXPECTF--
[[false,2006],[false,2006],[false,2006],["fine",0]]
exit code 0
*0 WARNING unserialize() failed, Error at offset %d of 18 bytes
^1 ERROR task() (ERRNO 503): Fatal error: Uncaught Exception: refused in %s
^1 WARNING unserialize() failed, Error at offset %d of 18 bytes
message fine
result fine
