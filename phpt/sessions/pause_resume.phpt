--TEST--
pause(), resume() and confirm()
--DESCRIPTION--
A session that is not read loses nothing; with enable_delay_receive it is first read when it is confirmed.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->set(['enable_delay_receive' => true, 'reactor_num' => 1]);
$server->on('connect', function ($server, $fd) {
    if ($fd === 1) {
        say(json_encode([$server->confirm($fd), $server->confirm($fd)]));
    }
});
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($fd === 1) {
        [$call, $other] = explode(' ', $data);
        $result = $server->$call((int)$other);
        $server->send($fd, json_encode($call === 'getClientInfo' ? $result['last_time'] : [$result, $result ? 0 : $server->getLastError()]));
    } else {
        say("$fd: $data");
        $server->send($fd, $data);
    }
});
$server->on('close', fn ($server, $fd, $reactor) => say("$fd closed by $reactor"));
$server->start();
PHP);
$control = $run->connect();
$ask = function (string $question) use ($control) {
    fwrite($control, $question);
    return fread($control, 100);
};
echo $ask('resume 99'), $ask('pause 99'), $ask('confirm -5'), "\n";
$client = $run->connect();
fwrite($client, 'first');
for ($i = 0; $i < 20; $i++) {
    $ask('exist 2'); // the reactor has had its turns
}
echo $ask('getClientInfo 2'), ' ', $ask('exist 2'), "\n";
echo $ask('confirm 2'), fread($client, 100), "\n";
echo $ask('pause 2'), $ask('pause 2'), "\n";
fwrite($client, 'second');
stream_socket_shutdown($client, STREAM_SHUT_WR);
for ($i = 0; $i < 20; $i++) {
    $ask('exist 2');
}
echo $ask('exist 2'), $ask('resume 2'), "\n", stream_get_contents($client), "\n";
$run->expect('2 closed');
echo $ask('pause 2'), "\n";
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
[false,1005][false,1005][false,1005]
0 [true,0]
[true,0]first
[true,0][true,0]
[true,0][true,0]
second
[false,1004]
exit code 0
[true,true]
2: first
2: second
2 closed by 0
1 closed by 0
