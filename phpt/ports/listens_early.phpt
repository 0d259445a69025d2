--TEST--
The ports listen before the first fork: whoever connects while the server starts waits, and is served
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

for ($i = 0; $i < 5; $i++) {
    $run = serve(<<<'PHP'
    $server = server(['worker_num' => 2]);
    $connect = function (string $who) use ($server) {
        $socket = @stream_socket_client("tcp://127.0.0.1:$server->port", $errno, $error, 5);
        say($who . ': ' . ($socket ? 'connected' : "$errno $error"));
    };
    $server->on('managerStart', fn () => $connect('manager'));
    $server->on('workerStart', fn () => $connect('worker'));
    $server->on('start', fn () => $connect('master'));
    $server->start();
    PHP);
    $answer = $run->ask('x');
    $run->expect(': connected', 4);
    $run->stop();
    $lines = array_filter($run->lines(''));
    sort($lines);
    echo $answer, '; ', implode(', ', $lines), "\n";
}
?>
--EXPECT--
got x; manager: connected, master: connected, worker: connected, worker: connected
got x; manager: connected, master: connected, worker: connected, worker: connected
got x; manager: connected, master: connected, worker: connected, worker: connected
got x; manager: connected, master: connected, worker: connected, worker: connected
got x; manager: connected, master: connected, worker: connected, worker: connected
