<?php
// The script from the README: what comes in goes out again, with "got " in front.
// php -d extension=php-ext/modules/skep.so examples/php/echo.php [port]

$server = new \swoole_server("127.0.0.1", (int) ($argv[1] ?? 8088), SWOOLE_PROCESS, SWOOLE_SOCK_TCP);

$server->on('start', function ($serv) {
    echo "listening on {$serv->host}:{$serv->port}, master {$serv->master_pid}, manager {$serv->manager_pid}\n";
});
$server->on('connect', function ($serv, $fd) {
});
$server->on('receive', function ($serv, $fd, $from_id, $data) {
    $serv->send($fd, "got $data");
});
$server->on('close', function ($serv, $fd) {
});

$server->set(["reactor_num" => 2, "worker_num" => 4]);
$server->start();
