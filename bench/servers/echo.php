<?php
// The PHP candidate of the benches: the shortest honest echo server.
// SKEP_WORKERS, SKEP_REACTORS and PORT come from the runner; it reads "READY <port>" from stdout.
$server = new Skep\Server('127.0.0.1', (int) (getenv('PORT') ?: 0), SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => (int) (getenv('SKEP_WORKERS') ?: 1),
    'reactor_num' => (int) (getenv('SKEP_REACTORS') ?: 1),
    'open_tcp_nodelay' => true,
    'log_level' => SWOOLE_LOG_WARNING,
]);
$server->on('start', function ($server) {
    echo "READY {$server->port}\n";
});
$server->on('receive', function ($server, $fd, $reactorId, $data) {
    $server->send($fd, $data);
});
$server->start();
