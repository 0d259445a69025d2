<?php
// Jobs of other programs: whoever knows the key of the message queue gives them, and they survive restarts of the server.
//
//     php -d extension=php-ext/modules/skep.so examples/php/jobs.php [port] [host] [key]
//     php -d extension=php-ext/modules/skep.so examples/php/feed.php 1554098974 'paint the fence'
//     nc 127.0.0.1 9513 < /dev/null        (what was done so far)
//
// The queue stays when the server ends; `ipcrm -Q <key>` removes it.

require __DIR__ . '/arguments.php';
[$port, $host, $key] = arguments(['port' => 9513, 'host' => '127.0.0.1', 'key' => 0x5ca1ab1e]);

$done = new Skep\Atomic();
$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 1,
    'task_worker_num' => 2,
    'task_ipc_mode' => 3,
    'message_queue_key' => (int)$key,
]);
$server->on('start', function (Skep\Server $server) use ($key): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: examples/php/feed.php $key 'paint the fence'\n";
});
$server->on('connect', function (Skep\Server $server, int $fd) use ($done): void {
    $stats = $server->stats();
    $server->send($fd, "{$done->get()} done, {$stats['task_queue_num']} in the queue\n");
    $server->close($fd);
});
$server->on('receive', function (): void {
});
$server->on('task', function (Skep\Server $server, int $id, int $source, array $data) use ($done): void {
    echo "$data[job]: done by task worker {$server->worker_id}\n";
    $done->add();
});
$server->start();
