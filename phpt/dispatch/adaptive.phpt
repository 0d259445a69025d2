--TEST--
dispatch_mode 11: quick requests pass a worker that is blocked, each session in order
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 3, 'dispatch_mode' => SKEP_DISPATCH_ADAPTIVE, 'dispatch_rescue_ms' => 10]);
$server->on('connect', fn ($server, $fd) => say("connect $fd"));
$server->on('close', fn ($server, $fd) => say("close $fd"));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'block') {
        say('blocked');
        usleep(1500000);
    }
    $server->send($fd, $data);
});
$server->start();
PHP);
$sockets = array_map(fn () => $run->connect(), range(1, 12));
foreach ($sockets as $socket) {
    fwrite($socket, 'hi');
    fread($socket, 10);
}
fwrite($sockets[0], 'block');
$run->expect('blocked');
$begun = microtime(true);
foreach ($sockets as $index => $socket) {
    if ($index > 0) {
        fwrite($socket, "quick$index");
    }
}
foreach ($sockets as $index => $socket) {
    if ($index > 0 && ($answer = fread($socket, 20)) !== "quick$index") {
        echo "wrong: $answer\n";
    }
}
$took = microtime(true) - $begun;
echo $took < 1.0 ? "all answered while one worker was blocked\n" : "too late: $took\n";
echo fread($sockets[0], 20), "\n";
$sockets = null;
$socket = null;
$run->expect('close', 12);
$run->stop();
foreach (['connect', 'close'] as $event) {
    echo $event, ': ', count($run->lines("$event ")), ', ', count(array_unique($run->lines("$event "))), " sessions\n";
}
echo preg_replace('/^.* INFO .*\n/m', '', $run->log());
?>
--EXPECT--
all answered while one worker was blocked
block
connect: 12, 12 sessions
close: 12, 12 sessions
