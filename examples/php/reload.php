<?php
// Code that a reload renews.
// php -d extension=php-ext/modules/skep.so examples/php/reload.php [port]
//
// What this file loads before start() is copied into every worker by fork, and stays as it is for as long
// as the server lives: after a change there the server must be restarted (a reload says so in the log).
// What the bootstrap file loads is loaded by each worker for itself, after its fork; so after a change
//
//     kill -USR1 <master>          or $server->reload()
//
// gives new workers with the new code, while connections stay open and no request is lost.

$server = new Skep\Server('127.0.0.1', (int) ($argv[1] ?? 8088), SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 2,
    // Loaded like require in this file's scope, before onWorkerStart. If it throws, or cannot be read, the
    // worker ends with 255, the log says why, and it is started again, less and less often.
    'bootstrap' => __DIR__ . '/reload_app.php',
]);

// Callbacks are registered before start(), when handle() does not exist yet. A closure looks it up when it
// is called; 'handle' as a name would be refused here.
$server->on('receive', fn (...$args) => handle(...$args));

$server->on('beforeReload', function ($server) {
    echo "reloading\n"; // in the manager: the place to tell a monitor
});
$server->on('afterReload', function ($server) {
    echo "reloaded\n"; // the last old worker has gone
});
$server->on('start', function ($server) {
    echo "listening on {$server->host}:{$server->port}, master {$server->master_pid}\n";
});
$server->start();
