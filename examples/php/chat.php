<?php
// A chat: what one says, all hear.
//
//     php -d extension=php-ext/modules/skep.so examples/php/chat.php [port] [host]
//     php examples/php/chat_client.php 9502 127.0.0.1 red      (in a second terminal, and "blue" in a third)
//
// On the wire every message, in both directions, is a frame: its length in 4 bytes, big endian, then the text. The
// first frame of a client is its name. The settings below have skep cut the frames out of the stream, however the
// bytes arrive, so the receive callback always gets exactly one. examples/c/chat.c is the same server in C.

require __DIR__ . '/arguments.php';
[$port, $host] = arguments(['port' => 9502, 'host' => '127.0.0.1']);

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 2,
    'open_length_check' => true,
    'package_length_type' => 'N',  // the letter that pack() has for 4 bytes, big endian
    'package_length_offset' => 0,  // where in a frame its length stands
    'package_body_offset' => 4,    // what the length does not count: itself
    'package_max_length' => 65536, // who announces more is disconnected
]);

// Session => name. All messages of a session come to the same worker, so each worker needs to know its own only.
// A reload gives new workers, for which everybody is nameless again; a real chat would keep names in a database.
$names = [];

/** To everybody, whichever worker they belong to: every worker can send to every session. */
function tell_all(Skep\Server $server, string $text): void
{
    $frame = pack('N', strlen($text)) . $text;
    foreach ($server->connections as $fd) {
        $server->send($fd, $frame);
    }
}

$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: php examples/php/chat_client.php {$server->port} {$server->host} red\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $frame) use (&$names): void {
    $text = substr($frame, 4);
    if (isset($names[$fd])) {
        tell_all($server, "$names[$fd]: $text");
    } elseif (preg_match('/^\w{1,20}$/', $text)) {
        $names[$fd] = $text;
        tell_all($server, "* $text is here");
    } else {
        $server->close($fd); // not a name
    }
});
$server->on('close', function (Skep\Server $server, int $fd) use (&$names): void {
    if (isset($names[$fd])) {
        tell_all($server, "* $names[$fd] has left");
        unset($names[$fd]); // ids are never used again, so what is kept for one must go with it
    }
});
$server->start();
