--TEST--
addCommand() and command(): what is refused, with which text and code
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
set_error_handler(function ($level, $text) {
    say('> warning: ' . preg_replace('/^.*?: /', '', $text));
    return true;
});
$server = server(['worker_num' => 2, 'dispatch_mode' => 6, 'dispatch_func' => fn () => 0]);
say('> ' . json_encode([
    $server->command('x', 0, 2, ''),
    $server->addCommand('thread', SWOOLE_SERVER_COMMAND_REACTOR_THREAD | 8, fn () => ''),
    $server->addCommand('workers', SWOOLE_SERVER_COMMAND_WORKER, fn () => '"yes"'),
    $server->addCommand('workers', SWOOLE_SERVER_COMMAND_WORKER, fn () => '"no"'),
    $server->addCommand('none', 0, fn () => ''),
    $server->addCommand('', 2, fn () => ''),
    $server->addCommand('slow', SWOOLE_SERVER_COMMAND_WORKER, function () {
        usleep(400000);
        return '"late"';
    }),
    $server->addCommand('dies', SWOOLE_SERVER_COMMAND_WORKER, fn () => Skep\Process::kill(getmypid(), 9) ? '' : ''),
    $server->addCommand('ends', SWOOLE_SERVER_COMMAND_WORKER, fn () => exit(3)),
]));
try {
    $server->addCommand('nofn', 8, 'nofn');
} catch (TypeError $error) {
    say('> ' . get_class($error));
}
$server->on('receive', function ($server, $fd) {
    foreach ([
        'unknown' => ['unknown', 1, 8, 0], 'kind' => ['workers', 0, 2, 0], 'thread' => ['workers', 0, 4, 0], 'id' => ['workers', 2, 8, 0],
        'negative' => ['workers', -1, 8, 0], 'data' => ['workers', 1, 8, "\xff"], 'time' => ['slow', 1, 8, 0, true, 0.05],
        'afterwards' => ['workers', 1, 8, 0], 'dies' => ['dies', 1, 8, 0, true, 60], 'ends' => ['ends', 1, 8, 0, true, 60],
        'successor' => ['workers', 1, 8, 0, true, 60],
    ] as $what => $arguments) {
        swoole_clear_error();
        say("> $what: " . json_encode($server->command(...$arguments)) . ' ' . $server->getLastError());
    }
    say('> ' . json_encode($server->addCommand('more', 8, fn () => '')));
    $server->send($fd, 'done');
});
$server->start();
PHP);
echo $run->ask('go'), "\n";
$run->expectLog('command() (ERRNO 9012): Unknown command[unknown]');
$run->expectLog('command() (ERRNO 507): unsupported [process_type]', 2);
$run->expectLog('command() (ERRNO 505): invalid worker_id[2]');
$run->expectLog('command() (ERRNO 505): invalid worker_id[-1]');
$run->expectLog('died while it was at it', 2);
echo 'exit code ', $run->stop(), "\n";
echo implode("\n", $run->lines('> ')), "\n";
?>
--EXPECT--
done
exit code 0
warning: server is not running
warning: only support worker/task_worker process
[false,false,true,false,false,false,true,true,true]
warning: function 'nofn' is not callable
unknown: false 9012
kind: false 507
thread: false 507
id: false 505
negative: false 505
warning: the data cannot be encoded as JSON
data: false 505
time: false 6002
afterwards: "yes" 0
dies: false 2006
ends: false 2006
successor: "yes" 0
warning: server is running, can't add command
false
