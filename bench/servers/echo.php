<?php
// The PHP candidate of the benches: the shortest honest echo server.
//
//     echo.php tcp|tls|udp [key=value ...]
require __DIR__ . '/server.php';

$socket = $argv[1] ?? 'tcp';
$server = server($socket, array_slice($argv, 2));
if ($socket === 'udp') {
    on($server, 'packet', function ($server, $data, $client) {
        $server->sendto($client['address'], $client['port'], $data, $client['server_socket']);
    });
} else {
    $server->on('receive', function ($server, $fd, $reactorId, $data) {
        $server->send($fd, $data);
    });
}
$server->start();
