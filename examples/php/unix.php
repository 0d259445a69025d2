<?php
// A server on a unix socket, for clients on the same machine: it turns lines round.
//
//     php -d extension=php-ext/modules/skep.so examples/php/unix.php [path]
//     echo hello | nc -NU /tmp/skep-example.sock
//
// Who may connect is a matter of the rights of the file. It goes with the server; one that a killed server has left
// is replaced at the next start.

require __DIR__ . '/arguments.php';
[$path] = arguments(['path' => '/tmp/skep-example.sock']);

$mask = umask(0177); // the socket file gets the rights 0600: this user only
$server = new Skep\Server($path, 0, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
umask($mask);
$server->set(['worker_num' => 2, 'open_eof_split' => true, 'package_eof' => "\n"]);
$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}\n",
        "try: echo hello | nc -NU {$server->host}\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $line): void {
    $server->send($fd, strrev(rtrim($line)) . "\n");
});
$server->start();
