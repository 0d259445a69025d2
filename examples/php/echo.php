<?php
// A TCP server that answers what it hears. Run: php -d extension=skep.so echo.php [port]
// Try it: nc 127.0.0.1 9501

$server = new Skep\Server('127.0.0.1', (int)($argv[1] ?? 9501), SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set(['worker_num' => 2]);

$server->on('start', function (Skep\Server $server) {
    echo "listening on $server->host:$server->port, master $server->master_pid, manager $server->manager_pid\n";
});
$server->on('workerStart', function (Skep\Server $server, int $worker) {
    echo "worker $worker is process $server->worker_pid\n";
});
$server->on('connect', function (Skep\Server $server, int $fd) {
    $info = $server->getClientInfo($fd);
    echo "session $fd from $info[remote_ip]:$info[remote_port] in worker $server->worker_id\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $data) {
    $server->send($fd, "got $data");
});
$server->on('close', function (Skep\Server $server, int $fd) {
    echo "session $fd has ended\n";
});

$server->start(); // until SIGTERM; SIGUSR1 replaces the workers
echo "stopped\n";
