--TEST--
Arguments of onConnect, onReceive and onClose, and ids of 64 bits
--DESCRIPTION--
The id counts up from start_session_id; the number of the reactor is -1 in onClose exactly if the server has closed. In onClose the
session is still known, and can neither be sent to nor closed.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['start_session_id' => 4294967295, 'reactor_num' => 1]);
foreach (['connect', 'receive', 'close'] as $event) {
    $server->on($event, function (...$arguments) use ($server, $event) {
        $more = [];
        [, $fd] = $arguments;
        if ($event === 'close') {
            $more = [$server->exist($fd), $server->getClientInfo($fd)['remote_port'] > 0, $server->send($fd, 'x'), $server->getLastError()];
        }
        say("$event " . json_encode([$arguments[0] === $server, ...array_slice($arguments, 1), ...$more]));
        match ($arguments[3] ?? '') {
            'close' => $server->close($fd),
            'reset' => $server->close($fd, true),
            default => null,
        };
    });
}
$server->start();
PHP);
foreach (['close', 'reset', 'bye', ''] as $at => $word) {
    $socket = $run->connect();
    fwrite($socket, $word);
    if ($at > 1) {
        stream_socket_shutdown($socket, STREAM_SHUT_WR); // it is the client that ends it
    }
    var_dump(stream_get_contents($socket));
    $run->expect("close [", $at + 1);
}
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
string(0) ""
string(0) ""
string(0) ""
string(0) ""
exit code 0
connect [true,4294967296,0]
receive [true,4294967296,0,"close"]
close [true,4294967296,-1,false,true,false,1004]
connect [true,4294967297,0]
receive [true,4294967297,0,"reset"]
close [true,4294967297,-1,false,true,false,1004]
connect [true,4294967298,0]
receive [true,4294967298,0,"bye"]
close [true,4294967298,0,false,true,false,1004]
connect [true,4294967299,0]
close [true,4294967299,0,false,true,false,1004]
