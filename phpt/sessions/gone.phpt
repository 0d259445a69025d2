--TEST--
discard_timeout_request: messages whose session has gone
--DESCRIPTION--
Where messages of a session are spread they come all the same, and cannot be answered; with the setting they are dropped with a line.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([false, true] as $discards) {
    $run = serve('$discards = ' . var_export($discards, true) . ';' . <<<'PHP'
    $server = server(['dispatch_mode' => 3, 'discard_timeout_request' => $discards]);
    $server->on('receive', function ($server, $fd, $reactor, $data) {
        if ($data === 'wait') {
            $until = function (callable $true) {
                for ($end = microtime(true) + 8; !$true() && microtime(true) < $end;) {
                    usleep(1000);
                }
            };
            say('waiting');
            $until(fn () => ($server->getClientInfo(2)['recv_queued_bytes'] ?? 0) > 0);
            say('read');
            $until(fn () => $server->getClientInfo(2) === false);
            return $server->send($fd, 'waited');
        }
        swoole_clear_error();
        say("$fd says $data " . json_encode([$server->getClientInfo($fd), $server->send($fd, 'x'), $server->getLastError()]));
    });
    $server->start();
    PHP);
    $first = $run->connect();
    $second = socket_import_stream($run->connect());
    fwrite($first, 'wait');
    $run->expect('waiting');
    socket_write($second, 'last words');
    $run->expect("\nread");
    socket_set_option($second, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
    socket_close($second);
    echo fread($first, 10), "\n", 'exit code ', $run->stop(), "\n", $run->output(), preg_replace('/^.* INFO .*\n/m', '', $run->log());
}
?>
--EXPECTF--
waited
exit code 0
waiting
read
2 says last words [false,false,100%d]
waited
exit code 0
waiting
read
*0 WARNING receive() (ERRNO 1007): [2] ignore data[10 bytes] received from session#2
