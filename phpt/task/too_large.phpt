--TEST--
A result too large for the way back: finish() is false with 2001, and who gave the task hears that it is lost, and why
--DESCRIPTION--
Calls that wait are false with 2006 at once. A shorter result given in its place is one; a result given before stays one.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 1, 'task_worker_num' => 1, 'task_queue_max_bytes' => '64K']);
$server->on('task', function ($server, $id, $source, $data) {
    $long = str_repeat('x', 100000);
    $finish = function ($value) use ($server) {
        swoole_clear_error();
        say('> finish ' . json_encode([$server->finish($value), $server->getLastError()]));
    };
    switch ($data) {
        case 'return': return $long;
        case 'finish': return $finish($long);
        case 'instead': $finish($long); return 'too much';
        case 'after': $finish('first'); return $finish($long);
        case 'none': return null;
        default: return $data;
    }
});
$server->on('finish', fn ($server, $id, $result) => say("> result $id $result"));
$server->on('taskLost', fn ($server, $id, $source, $reason) => say("> lost $id $reason"));
$server->on('receive', function ($server, $fd) {
    $began = microtime(true);
    foreach (['return', 'finish', 'instead', 'none'] as $data) {
        swoole_clear_error();
        say("> wait $data " . json_encode([$server->taskwait($data, 30), $server->getLastError()]));
    }
    say(microtime(true) - $began < 20 ? '> at once' : '> late');
    foreach (['return', 'finish', 'instead', 'after', 'none', 'fine'] as $data) {
        $server->task($data);
    }
    $server->task('return', -1, fn () => say('> callable'));
    $server->task('last', -1, fn () => $server->after(1, fn () => $server->send($fd, json_encode($server->stats()['tasks_lost']))));
});
$server->start();
PHP);
echo $run->ask('go'), "\n";
$run->expectLog('of worker#0 is lost: the result is too large for the way back', 6);
echo 'exit code ', $run->stop(), "\n";
$lines = $run->lines('> '); // lines of two processes: each in its own order
echo implode("\n", preg_grep('/^finish/', $lines)), "\n", implode("\n", preg_grep('/^finish/', $lines, PREG_GREP_INVERT)), "\n";
?>
--EXPECT--
6
exit code 0
finish [false,2001]
finish [false,2001]
finish [false,2001]
finish [false,2001]
finish [true,0]
finish [false,2001]
wait return [false,2006]
wait finish [false,2006]
wait instead ["too much",0]
wait none [false,2006]
at once
lost 4 the result is too large for the way back
lost 5 the result is too large for the way back
result 6 too much
result 7 first
lost 7 the result is too large for the way back
result 9 fine
lost 10 the result is too large for the way back
