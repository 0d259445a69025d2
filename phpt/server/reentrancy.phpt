--TEST--
Calls on the server object from deep inside its own callbacks
--DESCRIPTION--
A fiber, a destructor, a second start(), a second server: none of them confuses the first.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('close', function ($server, $fd, $reactor) {
    if ($reactor < 0) {
        say("onClose $fd " . json_encode($server->exists($fd)));
    }
});
$server->on('receive', function ($server, $fd, $reactor, $data) {
    say(json_encode([@$server->start(), @$server->set([]), @$server->on('close', 'strlen')]));
    try {
        new Skep\Server('127.0.0.1');
    } catch (Skep\Exception $e) {
        say($e->getCode() . ' ' . $e->getMessage());
    }
    $fiber = new Fiber(function () use ($server, $fd) {
        $server->send($fd, 'from a fiber');
        Fiber::suspend();
        say('closed in a fiber: ' . json_encode($server->close($fd)));
    });
    $fiber->start();
    $fiber->resume();
    $last = new class($server) {
        public function __construct(private $server) {}
        public function __destruct() { say('in a destructor: ' . json_encode($this->server->exists(1))); }
    };
    set_error_handler(function ($level, $text) use ($server) { say("handler: $text"); return true; });
    $server->send($fd, '');
    restore_error_handler();
    unset($last);
});
$server->start();
PHP);
$socket = $run->connect();
fwrite($socket, 'x');
echo stream_get_contents($socket), "\n", 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECTF--
from a fiber
exit code 0
[false,false,false]
-3 server is running. unable to create Skep\Server
onClose 1 false
closed in a fiber: true
handler: Skep\Server::send(): the data sent must not be empty
in a destructor: false
