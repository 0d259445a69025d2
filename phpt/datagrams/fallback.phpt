--TEST--
A datagram port without onPacket gives its datagrams to onReceive
--DESCRIPTION--
With one notice; the fd is 0, and send() to it answers. Without either callback the server does not start.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/datagrams.inc';

$run = serve_datagrams(<<<'PHP'
$server->on('receive', function ($server, $fd, $reactor, $data) {
    say(json_encode([$fd, $reactor, $data]));
    say(json_encode($server->send($fd, "got $data", $reactor)));
    say(json_encode($server->getClientInfo($fd)));
});
PHP);
$peer = new Peer($run, 0);
echo $peer->ask('one'), "\n", $peer->ask('two'), "\n";
$run->expect('false', 2);
echo 'exit code ', $run->stop(), "\n", $run->output();
echo substr_count($run->wholeLog(), 'there is no onPacket, datagrams go to onReceive with fd 0'), "\n";

$run = serve_datagrams('');
echo 'exit code ', $run->wait(), $run->output();
?>
--EXPECTF--
got one
got two
exit code 0
[0,0,"one"]
true
false
[0,0,"two"]
true
false
1
exit code 255
Fatal error: Skep\Server::start(): require onPacket callback in %s on line %d
