<?php
// Bytes in bulk. A request is eight bytes, low byte first: how many bytes to answer with.
//
//     bulk.php send [key=value ...]              64 KiB per send()
//     bulk.php sendfile FILE [key=value ...]     one sendfile()
require __DIR__ . '/server.php';

const PIECE = 65536;
const PERIOD = 251;

$settings = array_slice($argv, 2);
if ($argv[1] === 'sendfile') {
    $file = array_shift($settings);
    if (!method_exists(Skep\Server::class, 'sendfile')) {
        skip('no method sendfile');
    }
    $server = server('tcp', $settings);
    $server->on('receive', function ($server, $fd, $reactorId, $data) use ($file) {
        if (!$server->sendfile($fd, $file, 0, unpack('P', $data)[1])) {
            $server->close($fd);
        }
    });
} else {
    $server = server('tcp', $settings);
    $piece = substr(str_repeat(implode('', array_map('chr', range(0, PERIOD - 1))), 1 + intdiv(PIECE, PERIOD)), 0, PIECE);
    $left = [];
    // False with 1009: the buffer of the connection is full, and nothing of the piece was taken.
    $go_on = function ($server, $fd) use ($piece, &$left) {
        while (($left[$fd] ?? 0) > 0) {
            $part = $left[$fd] < PIECE ? substr($piece, 0, $left[$fd]) : $piece;
            if (!@$server->send($fd, $part)) {
                if ($server->getLastError() !== 1009) {
                    $server->close($fd);
                }
                return;
            }
            $left[$fd] -= strlen($part);
        }
        unset($left[$fd]);
    };
    $server->on('receive', function ($server, $fd, $reactorId, $data) use ($go_on, &$left) {
        $left[$fd] = unpack('P', $data)[1];
        $go_on($server, $fd);
    });
    on($server, 'bufferEmpty', $go_on);
}
$server->start();
