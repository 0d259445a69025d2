--TEST--
Pool: messages from a System V queue
--DESCRIPTION--
Any program that knows the key may send; any worker takes. A queue without a key goes with the pool, however that ends; one with
a key stays, with what is in it.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

function queues(): array
{
    preg_match_all('/^0x\S+ +(\d+) /m', (string)shell_exec('ipcs -q'), $found);
    return $found[1];
}
$key = 0x5f000000 + getmypid();
$body = fn (int $key) => <<<PHP
\$pool = new Swoole\Process\Pool(2, SWOOLE_IPC_MSGQUEUE, $key);
\$pool->set(['log_file' => getenv('SKEP_DIR') . '/log']);
\$pool->on('workerStart', fn (\$pool) => say('queue ' . \$pool->getProcess()->msgQueueId));
\$pool->on('message', function (\$pool, \$data) {
    say("got \$data");
    if (\$data === 'die') {
        Swoole\Process::kill(getmypid(), 9);
    }
});
\$pool->start();
say('ended');
PHP;
$run = serve($body($key));
$run->expect('queue', 2);
$sender = new Skep\Process('strlen');
$sender->useQueue($key);
foreach (range(1, 5) as $n) {
    $sender->push("message $n");
    $n === 3 && $sender->push('die');
}
$run->expect('got', 6);
$run->expect('queue', 3);
var_dump($run->stop(), $sender->push('later'));
$run = serve($body($key));
$run->expect('got later');
var_dump($run->stop());
var_dump($sender->statQueue(), in_array((string)$sender->msgQueueId, queues()), $sender->freeQueue());

// Removed under it: an end in order.
$run = serve($body($key));
$run->expect('queue', 2);
$sender->useQueue($key);
$sender->freeQueue();
var_dump($run->wait());
$run->expectLog('the message queue has been removed');

// Without a key.
foreach ([15, 9] as $signal) {
    $run = serve($body(0));
    $run->expect('queue', 2);
    $id = $run->lines('queue ')[0];
    var_dump(in_array($id, queues()), $run->stop($signal), eventually(fn () => !in_array($id, queues()), 2));
}
?>
--EXPECT--
int(0)
bool(true)
int(0)
array(2) {
  ["queue_num"]=>
  int(0)
  ["queue_bytes"]=>
  int(0)
}
bool(true)
bool(true)
int(0)
bool(true)
int(0)
bool(true)
bool(true)
string(8) "signal 9"
bool(true)
