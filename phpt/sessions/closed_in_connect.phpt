--TEST--
close() in onConnect: what the client has sent by then is thrown away, and the log says so
--DESCRIPTION--
onClose runs inside close(), with -1; no onReceive comes.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('connect', function ($server, $fd) {
    for ($end = microtime(true) + 8; $server->getClientInfo($fd)['recv_queued_bytes'] < 5 && microtime(true) < $end;) {
        usleep(1000);
    }
    say('closed ' . json_encode($server->close($fd)));
});
$server->on('receive', fn ($server, $fd, $reactor, $data) => say("received $data"));
$server->on('close', fn ($server, $fd, $reactor) => say("close $fd $reactor"));
$server->start();
PHP);
$socket = $run->connect();
fwrite($socket, 'hello');
var_dump(stream_get_contents($socket));
$run->expectLog('ignore data');
echo 'exit code ', $run->stop(), "\n", $run->output(), preg_replace('/^.* INFO .*\n/m', '', $run->log());
?>
--EXPECT--
string(0) ""
exit code 0
close 1 -1
closed true
*0 WARNING receive() (ERRNO 1007): [2] ignore data[5 bytes] received from session#1
