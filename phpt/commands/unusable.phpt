--TEST--
command(): an answer that is neither an array nor a string in JSON is false, with a code
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$answers = ['5', '-0.5', 'null', 'true', 'false', '', '{', "\"\xff\"", str_repeat('[', 600) . str_repeat(']', 600), '[]', '""', '"5"'];
$run = serve('$answers = ' . var_export($answers, true) . ';' . <<<'PHP'
$server = server(['worker_num' => 2, 'dispatch_mode' => 6, 'dispatch_func' => fn () => 0]);
$server->addCommand('answer', SWOOLE_SERVER_COMMAND_WORKER, fn ($server, $json) => $answers[json_decode($json)]);
$server->on('receive', function ($server, $fd) use ($answers) {
    foreach ($answers as $number => $answer) {
        foreach ([0, 1] as $worker) {
            swoole_clear_error();
            $decoded = json_encode([$server->command('answer', $worker, SWOOLE_SERVER_COMMAND_WORKER, $number), $server->getLastError()]);
            swoole_clear_error();
            $raw = $server->command('answer', $worker, SWOOLE_SERVER_COMMAND_WORKER, $number, false) === $answer;
            say("> $number $decoded " . json_encode([$raw, $server->getLastError()]));
        }
    }
    $server->send($fd, 'done');
});
$server->start();
PHP);
echo $run->ask('go'), "\n";
$run->expectLog('command() (ERRNO 2006): command[answer] was answered with neither an array nor a string in JSON'); // and how often that was repeated
echo 'exit code ', $run->stop(), "\n", implode("\n", $run->lines('> ')), "\n";
?>
--EXPECT--
done
exit code 0
0 [false,2006] [true,0]
0 [false,2006] [true,0]
1 [false,2006] [true,0]
1 [false,2006] [true,0]
2 [false,2006] [true,0]
2 [false,2006] [true,0]
3 [false,2006] [true,0]
3 [false,2006] [true,0]
4 [false,2006] [true,0]
4 [false,2006] [true,0]
5 [false,2006] [true,0]
5 [false,2006] [true,0]
6 [false,2006] [true,0]
6 [false,2006] [true,0]
7 [false,2006] [true,0]
7 [false,2006] [true,0]
8 [false,2006] [true,0]
8 [false,2006] [true,0]
9 [[],0] [true,0]
9 [[],0] [true,0]
10 ["",0] [true,0]
10 ["",0] [true,0]
11 ["5",0] [true,0]
11 ["5",0] [true,0]
