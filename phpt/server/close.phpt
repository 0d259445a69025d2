--TEST--
close(): results, order and reactor id
--DESCRIPTION--
onClose runs inside close() in the owner; what was sent before is delivered.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('close', function ($server, $fd, $reactor) {
    swoole_clear_error();
    say("onClose $fd by " . ($reactor < 0 ? 'server' : 'client') . ' ' . json_encode([$server->exist($fd),
        is_array($server->getClientInfo($fd)), $server->close($fd), swoole_last_error(), $server->send($fd, 'x')]));
});
$server->on('receive', function ($server, $fd) {
    $server->send($fd, 'last words');
    say('before close');
    $closed = [$server->close($fd), $server->close($fd), swoole_last_error(), $server->exist($fd), $server->send($fd, 'x')];
    say('after close ' . json_encode($closed) . ' ' . swoole_last_error());
});
$server->start();
PHP);
$socket = $run->connect();
fwrite($socket, 'x');
var_dump(stream_get_contents($socket));
$socket = $run->connect();
fclose($socket);
$run->expect('onClose', 2);
echo 'exit code ', $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECTF--
string(10) "last words"
exit code 0
before close
onClose 1 by server [false,true,false,1003,false]
after close [true,false,1004,false,false] 1004
onClose 2 by client [false,true,false,1003,false]
*0 NOTICE close() (ERRNO 1003): session#1 is closing
*0 NOTICE close() (ERRNO 1003): session#2 is closing
#0 INFO Server is shutdown now
