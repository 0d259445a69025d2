--TEST--
taskwait(), taskWaitMulti() and taskCo(): results by key, in the order of the tasks; codes; late results
--DESCRIPTION--
Any keys, which the result keeps. What has no result is left out by taskWaitMulti() and false in taskCo(). A late or second
result answers no later call. R43: a wait of more than a second is worth a line in the log.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 1, 'task_worker_num' => 3]);
$server->on('task', function ($server, $id, $source, $data) {
    if ($data === 'twice') {
        $server->finish('first');
        $server->finish('second');
        return 'third';
    }
    if ($data === 'die') {
        exit(4);
    }
    if ($data === 'slow') {
        while (!file_exists(getenv('SKEP_DIR') . '/go')) {
            usleep(2000);
        }
        return 'late';
    }
    if (is_array($data)) {
        usleep($data[0] * 1000);
    }
    return $data === 'none' ? null : $data;
});
$server->on('finish', function ($server, $id, $result) { say("onFinish: $result"); });
$server->on('receive', function ($server, $fd) {
    $told = function (mixed $result) use ($server) {
        say(json_encode($result) . ' ' . swoole_last_error());
        swoole_clear_error();
    };
    $told($server->taskwait('a', 10));
    $told($server->taskwait(['0'], 10));
    $told($server->taskwait(false, 10));
    $told($server->taskwait('twice', 10));
    $told($server->taskwait('b', 10));
    $told($server->taskwait('none', 10));
    $told($server->taskwait('die', 10));
    $told($server->taskwait('slow', 0.05));
    $told($server->taskWaitMulti(['slow', 'slow'], 0.05));
    touch(getenv('SKEP_DIR') . '/go');
    $told($server->taskwait('c', 0));
    $told($server->taskwait('d', -1));
    $told($server->taskWaitMulti(['k' => 'v', 9 => [30], 'none' => 'none', -5 => 'x', 'two' => 'twice', '' => 'e', 'dead' => 'die'], 10));
    $told($server->taskCo(['k' => 'v', 9 => [30], 'none' => 'none', -5 => 'x', 'two' => 'twice', '' => 'e', 'dead' => 'die'], 10));
    $told($server->taskWaitMulti([[30], 'b', 'c'], 10));
    $told(count($server->taskWaitMulti(array_fill(0, 1023, 'x'), 60)));
    $told($server->taskCo(['none', 'none'], 10));
    $told($server->taskwait([1100], 30));
    $server->send($fd, 'done');
});
$server->start();
PHP);
echo $run->ask('go'), "\nexit code ", $run->stop(), "\n", $run->output();
echo preg_match_all('/ERRNO 2003\): task\[\d+\] has expired/', $run->log()) > 0 ? "late results are ignored\n" : $run->log();
echo implode("\n", preg_grep('/NOTICE taskwait/', explode("\n", $run->log()))), "\n";
?>
--EXPECT--
done
exit code 0
"a" 0
["0"] 0
false 0
"first" 0
"b" 0
false 2006
false 2006
false 6002
false 702
"c" 0
"d" 0
{"k":"v","9":[30],"-5":"x","two":"first","":"e"} 2006
{"k":"v","9":[30],"none":false,"-5":"x","two":"first","":"e","dead":false} 2006
[[30],"b","c"] 0
1023 0
[false,false] 2006
[1100] 0
late results are ignored
*0 NOTICE taskwait(): this worker has been waiting for a task for more than 1 s, and serves nothing meanwhile
