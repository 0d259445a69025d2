--TEST--
command(): run by the process it is sent to, with data and answer as JSON
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'dispatch_mode' => 6, 'dispatch_func' => fn () => 0]);
const ALL = SWOOLE_SERVER_COMMAND_MASTER | SWOOLE_SERVER_COMMAND_WORKER | SWOOLE_SERVER_COMMAND_MANAGER;
say('> ' . json_encode([
    $server->addCommand('who', ALL, function (Swoole\Server $server, string $json) {
        return json_encode(['pid' => getmypid(), 'worker' => $server->worker_id, 'got' => json_decode($json, true)]);
    }),
    $server->addCommand('text', ALL, fn ($server, $json) => "plain $json"),
    $server->addCommand('nothing', ALL, fn () => null),
    $server->addCommand('number', ALL, fn () => 3),
    $server->addCommand('throws', ALL, fn () => throw new Exception('no answer')),
    $server->addCommand('long', ALL, fn ($server, $json) => $json),
    $server->addCommand('who', ALL, fn () => ''),
]));
$server->on('receive', function ($server, $fd) {
    $ask = fn (...$arguments) => json_encode($server->command(...$arguments));
    foreach (['master' => [0, 2], 'manager' => [0, 32], 'worker' => [1, 8], 'itself' => [0, 8]] as $who => [$id, $type]) {
        $answer = $server->command('who', $id, $type, ['a' => [1, 'ü', null]]);
        $pid = [2 => $server->master_pid, 32 => $server->manager_pid, 8 => $server->getWorkerPid($id)][$type];
        say("> $who: " . json_encode([$answer['pid'] === $pid, $answer['worker'], $answer['got']]));
    }
    say('> ' . $ask('text', 1, 8, 'x') . ' ' . $ask('text', 1, 8, 'x', false));
    say('> ' . $ask('nothing', 1, 8, 0) . ' ' . $ask('number', 0, 2, 0) . ' ' . $ask('throws', 1, 8, 0) . ' ' . $ask('throws', 0, 32, 0));
    $long = str_repeat('0123456789', 200000);
    say('> ' . json_encode([$server->command('long', 1, 8, $long) === $long, $server->command('long', 0, 2, $long) === $long]));
    $server->send($fd, 'done');
});
$server->start();
PHP);
echo $run->ask('go'), "\nexit code ", $run->stop(), "\n";
echo implode("\n", $run->lines('> ')), "\n";
?>
--EXPECT--
done
exit code 0
[true,true,true,true,true,true,false]
master: [true,-1,{"a":[1,"\u00fc",null]}]
manager: [true,-1,{"a":[1,"\u00fc",null]}]
worker: [true,1,{"a":[1,"\u00fc",null]}]
itself: [true,0,{"a":[1,"\u00fc",null]}]
false "plain \"x\""
{"data":"wrong return type","code":-2} {"data":"wrong return type","code":-2} {"data":"wrong return type","code":-2} {"data":"wrong return type","code":-2}
[true,true]
