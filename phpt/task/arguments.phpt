--TEST--
What onTask and onFinish are given, and where they run
--DESCRIPTION--
Classic form. Task workers are ids behind the workers'; taskworker, worker_id and worker_pid are set in them; ids of tasks
count from 0 in each process that gives them; a negative index means any task worker.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'task_worker_num' => 2]);
$server->on('workerStart', function ($server, $id) {
    say("start $id: " . json_encode([$server->worker_id, $server->taskworker, $server->worker_pid === getmypid(),
        $server->getWorkerId(), $server->getWorkerPid() === getmypid(), $server->getWorkerStatus(), $server->setting['task_worker_num']]));
});
$server->on('task', function (...$args) {
    $server = array_shift($args);
    return json_encode($args) . " in $server->worker_id";
});
$server->on('finish', function (...$args) {
    $server = array_shift($args);
    say('finish: ' . json_encode($args) . " in $server->worker_id");
});
$server->on('receive', function ($server, $fd) {
    $ids = [$server->task('to the first', 0)];
    $ids[] = $server->task('to the second', 1);
    $ids[] = $server->task('to any', -2);
    $server->send($fd, json_encode($ids));
});
$server->start();
PHP);
$run->expect('start', 4);
echo $run->ask('go'), "\n";
$run->expect('finish', 3);
echo 'exit code ', $run->stop(), "\n";
$lines = array_filter(explode("\n", preg_replace('/(any.*in )[23]/', '$1X', $run->output())));
sort($lines);
echo preg_replace('/ in [01]$/m', ' in W', preg_replace('/(finish.*\[.,)[01],/', '$1W,', implode("\n", $lines))), "\n";
?>
--EXPECT--
[0,1,2]
exit code 0
finish: [0,"[0,W,\"to the first\"] in 2",false] in W
finish: [1,"[1,W,\"to the second\"] in 3",false] in W
finish: [2,"[2,W,\"to any\"] in X",false] in W
start 0: [0,false,true,0,true,1,2]
start 1: [1,false,true,1,true,1,2]
start 2: [2,true,true,2,true,1,2]
start 3: [3,true,true,3,true,1,2]
