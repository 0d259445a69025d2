<?php
// The time, pushed to every client once a second, by a timer of each worker.
//
//     php -d extension=php-ext/modules/skep.so examples/php/push.php [port] [ms]
//     nc 127.0.0.1 9501
$server = new Skep\Server('127.0.0.1', (int)($argv[1] ?? 9501), SWOOLE_PROCESS);
$server->set(['worker_num' => 2]);

$clients = []; // of this worker
$server->on('connect', function ($server, $fd) use (&$clients) {
    $clients[$fd] = true;
});
$server->on('close', function ($server, $fd) use (&$clients) {
    unset($clients[$fd]);
});
$server->on('receive', fn ($server, $fd, $reactor, $data) => $server->send($fd, "you said $data"));

$server->on('workerStart', function ($server) use (&$clients, $argv) {
    $server->tick((int)($argv[2] ?? 1000), function () use ($server, &$clients) {
        foreach ($clients as $fd => $_) {
            $server->send($fd, date('H:i:s') . "\n");
        }
    });
});
// A worker that is to end waits for its timers, so it is told here that they are not wanted any more.
$server->on('workerExit', fn () => Skep\Timer::clearAll());

$server->on('start', function ($server) {
    echo "listening on 127.0.0.1:$server->port\n", "try: nc 127.0.0.1 $server->port\n";
});
$server->start();
