--TEST--
Pool: callbacks, properties, messages from process to process
--DESCRIPTION--
The start callback runs in the master once workers are forked; messages of any size reach one worker, in order; stop() ends a
worker, which is replaced; shutdown() ends the pool in order.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Swoole\Process\Pool;
$pool = new Pool(2, SWOOLE_IPC_UNIXSOCK);
$pool->set(['log_file' => getenv('SKEP_DIR') . '/log']);
say(json_encode(['new', $pool->master_pid, $pool->workerPid, $pool->workerId, $pool->workerRunning, $pool->running]));
$pool->on('start', function (Pool $pool) {
    say(json_encode(['start', $pool->master_pid === getmypid(), $pool->workerId, $pool->running, $pool->getProcess()]));
    foreach (range(1, 3) as $n) {
        $pool->sendMessage("message $n", 0);
    }
    $pool->sendMessage(str_repeat('x', 150000), 0);
    $pool->sendMessage('forward', 0);
});
$pool->on('workerStart', function (Pool $pool, int $id) {
    say(json_encode(["workerStart $id", $pool->master_pid !== getmypid(), $pool->workerPid === getmypid(),
        $pool->workerId === $id, $pool->workerRunning, $pool->running]));
});
$pool->on('message', function (Pool $pool, string $data) {
    say(json_encode(["worker $pool->workerId", strlen($data) > 100 ? strlen($data) : $data]));
    if ($data === 'forward') {
        $own = $pool->getProcess();
        $other = $pool->getProcess(1);
        say(json_encode(['process', $own->pid === getmypid(), $own->id, $other->id, $other->pid !== $own->pid]));
        say(json_encode(['invalid', @$pool->sendMessage('x', 2), @$pool->sendMessage('x', -1), @$pool->sendMessage('', 1),
            @$pool->getProcess(5), @$pool->on('message', 'strlen'), $pool->write('x'), @$pool->listen('127.0.0.1'), @$pool->start()]));
        $pool->sendMessage('stop yourself', 1);
        $pool->sendMessage('and then', 1);
    }
    if ($data === 'stop yourself') {
        $pool->stop();
        say(json_encode(['stopping', $pool->workerRunning]));
    }
    if ($data === 'and then') {
        say(json_encode(['shutdown', $pool->shutdown()]));
    }
});
$pool->on('workerExit', fn ($pool, $id) => say("workerExit $id"));
$pool->on('workerStop', fn ($pool, $id) => say("workerStop $id"));
$pool->on('shutdown', fn ($pool) => say("shutdown"));
say(json_encode(['started', $pool->start(), $pool->running, @$pool->start()]));
PHP);
var_dump($run->wait());
foreach (explode("\n", trim($run->output())) as $line) {
    if (!preg_match('/workerStart|workerStop|workerExit/', $line)) {
        echo $line, "\n";
    }
}
$count = fn (string $text) => substr_count($run->output(), $text);
echo $count('["workerStart 0",true,true,true,true,true]'), $count('["workerStart 1",true,true,true,true,true]'), "\n";
echo $count('workerStop 0'), $count('workerStop 1'), $count('workerExit 0'), $count('workerExit 1'), "\n";
echo $run->log();
?>
--EXPECT--
int(0)
["new",-1,-1,-1,null,null]
["start",true,-1,true,false]
["worker 0","message 1"]
["worker 0","message 2"]
["worker 0","message 3"]
["worker 0",150000]
["worker 0","forward"]
["process",true,0,1,true]
["invalid",false,false,false,false,false,false,false,false]
["worker 1","stop yourself"]
["stopping",false]
["worker 1","and then"]
["shutdown",true]
shutdown
["started",true,false,false]
12
1212
