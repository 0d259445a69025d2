<?php
// The server under chaos in PHP: php -n -d extension=posix -d extension=<skep.so> server.php <directory>
// It answers every piece it gets with "<worker>:<pid>:<length>:<the piece>" and keeps no state; a piece
// that begins with "!" is an order. tests/programs/chaos_server.rs does the same in Rust.

$directory = $argv[1];
$settings = json_decode(file_get_contents("$directory/settings"), true, 512, JSON_THROW_ON_ERROR);

/** A file that is there as a whole or not at all. */
function publish(string $path, string $text): void
{
    file_put_contents("$path.new", $text);
    rename("$path.new", $path);
}

function obey(Skep\Server $server, int $fd, string $order): string
{
    [$verb, $argument] = explode(' ', "$order ", 3);
    switch ($verb) {
        case '!hello':
            return (string) $fd;
        case '!stats':
            return json_encode($server->stats());
        case '!reload':
            return $server->reload() ? 'accepted' : 'refused';
        case '!stop':
            return $server->stop() ? 'accepted' : 'refused';
        case '!sleep':
            usleep(1000 * (int) $argument);
            return 'slept';
        case '!spin':
            for ($turns = 0;; $turns++);
        case '!throw':
            throw new RuntimeException('asked to throw');
        case '!exit':
            exit(3);
        case '!segfault':
            posix_kill(getmypid(), SIGSEGV);
            return 'alive after SIGSEGV';
        case '!memory':
            return str_repeat('x', 1 << 30);
    }
    return "what is '$verb'?";
}

$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set($settings + ['log_file' => "$directory/log"]);
$server->on('start', function ($server) use ($directory) {
    publish("$directory/port", (string) $server->port);
});
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data[0] === '!') {
        $data = obey($server, $fd, $data);
    } elseif (mt_rand(0, 99) < 4) {
        usleep(mt_rand(500, 10000)); // work that takes its time, so that deaths find some under way
    }
    $server->send($fd, $server->worker_id . ':' . getmypid() . ':' . strlen($data) . ":$data");
});
$server->on('shutdown', function ($server) use ($directory) {
    publish("$directory/stats", json_encode($server->stats()));
});
$server->start();
