--TEST--
bind() and protect()
--DESCRIPTION--
A session is bound once; getClientInfo() shows its uid in front. Each false sets a code.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('receive', function ($server, $fd) {
    say(json_encode([array_key_first($server->getClientInfo($fd)), $server->bind($fd, 0), array_key_first($server->getClientInfo($fd))]));
    say(json_encode([$server->bind($fd, -1), $server->bind($fd, 5), $server->getLastError(), $server->bind($fd, 0)]));
    say(json_encode(array_slice($server->getClientInfo($fd), 0, 2)));
    foreach ([4294967296, -2147483649] as $uid) {
        say(json_encode([$server->bind($fd, $uid), $server->getLastError()]));
    }
    say(json_encode([$server->bind(99, 7), $server->getLastError(), $server->bind(-1, 7), $server->getLastError()]));
    say(json_encode([$server->protect($fd), $server->protect($fd, false), $server->protect(99), $server->getLastError()]));
    $server->close($fd);
    say(json_encode([$server->bind($fd, 7), $server->protect($fd), $server->getLastError()]));
});
$server->start();
PHP);
echo $run->ask('x'), 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECTF--
exit code 0
["worker_id",true,"worker_id"]
[true,false,509,false]
{"uid":4294967295,"worker_id":0}
%AWarning: %SServer::bind(): uid can not be greater than 4294967295 or less than -2147483648 in %s
[false,503]
%AWarning: %SServer::bind(): uid can not be greater than 4294967295 or less than -2147483648 in %s
[false,503]
[false,1005,false,1005]
[true,true,false,1005]
[false,false,1004]
