<?php
// The time, pushed to every client by a user process: one for the whole server, supervised like a worker, never reloaded.
//
//     php -d extension=php-ext/modules/skep.so examples/php/ticker.php [port] [ms]
//     nc 127.0.0.1 9501           (write "faster" or "slower")
$server = new Skep\Server('127.0.0.1', (int)($argv[1] ?? 9501), SWOOLE_PROCESS);
$server->set(['worker_num' => 2]);

$ticker = new Skep\Process(function (Skep\Process $ticker) use ($server, $argv) {
    $ms = (int)($argv[2] ?? 1000);
    $push = function () use ($server) {
        foreach ($server->connections as $fd) {
            $server->send($fd, date('H:i:s') . "\n");
        }
    };
    $timer = $server->tick($ms, $push);
    // What workers write to their copy of the object comes here.
    Skep\Event::add($ticker->pipe, function () use ($ticker, $server, $push, &$ms, &$timer) {
        $ms = max(1, $ticker->read() === 'faster' ? intdiv($ms, 2) : $ms * 2);
        $server->clearTimer($timer);
        $timer = $server->tick($ms, $push);
    });
    // The event loop runs when the function returns. A stop of the server ends it, by SIGTERM.
});
$server->addProcess($ticker);

$server->on('receive', function ($server, $fd, $reactor, $data) use ($ticker) {
    $word = trim($data);
    if ($word === 'faster' || $word === 'slower') {
        $ticker->write($word);
    }
    $server->send($fd, "you said $word\n");
});
$server->on('start', function ($server) {
    echo "listening on 127.0.0.1:$server->port\n", "try: nc 127.0.0.1 $server->port\n";
});
$server->start();
