--TEST--
A call that fails leaves a code, and one that succeeds leaves it alone
--DESCRIPTION--
false as an answer is no failure: exist() and the end of getClientList().
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
set_error_handler(fn () => true);
$server = server();
$server->on('receive', function ($server, $fd) {
    $calls = [
        'send' => [[999, 'x'], [-1, 'x'], [0, 'x'], [$fd, '']],
        'close' => [[999], [0]],
        'getClientInfo' => [[999]],
        'getClientList' => [[0, 101]],
        'heartbeat' => [[]],
        'bind' => [[999, 3]],
        'protect' => [[999]],
        'pause' => [[999]],
        'resume' => [[999]],
        'confirm' => [[999]],
        'sendfile' => [[999, '/etc/passwd'], [$fd, '/not/there'], [$fd, '/tmp'], [0, '/etc/passwd']],
        'sendwait' => [[$fd, 'x']],
        'sendto' => [['127.0.0.1', 9, 'x'], ['127.0.0.1', 9, '']],
        'stop' => [[99]],
        'listen' => [['127.0.0.1', 0, SWOOLE_SOCK_TCP]],
        'set' => [[[]]],
        'on' => [['receive', 'strlen']],
        'getSocket' => [[]],
        'getWorkerPid' => [[99]],
        'getWorkerStatus' => [[99], [-7]],
    ];
    foreach ($calls as $name => $variants) {
        $codes = [];
        foreach ($variants as $arguments) {
            swoole_clear_error();
            $codes[] = json_encode($server->$name(...$arguments)) . ' ' . $server->getLastError();
        }
        say("$name: " . implode(', ', $codes));
    }
    swoole_clear_error();
    say(json_encode([$server->exist(999), $server->getClientList(999), $server->getLastError()]));
    $server->close(999);
    $exists = $server->exist($fd); // the client leaves when it has its answer
    say(json_encode([$server->send($fd, 'done'), $exists, $server->getLastError(), swoole_last_error(), swoole_errno() > 0]));
});
$server->start();
PHP);
echo $run->ask('x'), "\nexit code ", $run->stop(), "\n", $run->output();
?>
--EXPECT--
done
exit code 0
send: false 1005, false 503, false 503, false 550
close: false 1005, false 1005
getClientInfo: false 1005
getClientList: false 503
heartbeat: false 509
bind: false 1005
protect: false 1005
pause: false 1005
resume: false 1005
confirm: false 1005
sendfile: false 1005, false 502, false 9013, false 1006
sendwait: false 503
sendto: false 503, false 550
stop: false 505
listen: false 503
set: false 503
on: false 503
getSocket: false 503
getWorkerPid: false 505
getWorkerStatus: false 505, false 505
[false,false,0]
[true,true,1005,1005,true]
