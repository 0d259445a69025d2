<?php
// Who is here, on a table that all workers share: "I am NAME" is remembered, "who" lists everybody with how often each
// has spoken, "tell NAME TEXT" reaches them whatever worker they are with.
//
//     php -d extension=php-ext/modules/skep.so examples/php/registry.php [port] [host]
//     nc 127.0.0.1 9510
//
// A table is made before start(), so that every worker has it. Rows are looked up by their key only; where two ways lead
// to a row, as here by session and by name, there are two tables.

require __DIR__ . '/arguments.php';
[$port, $host] = arguments(['port' => 9510, 'host' => '127.0.0.1']);

const MOST = 1024;

$sessions = new Skep\Table(MOST); // by session
$sessions->column('name', Skep\Table::TYPE_STRING, 32);
$sessions->column('said', Skep\Table::TYPE_INT);
$sessions->create();
$names = new Skep\Table(MOST); // by name
$names->column('fd', Skep\Table::TYPE_INT);
$names->column('claims', Skep\Table::TYPE_INT);
$names->create();

/** The name is this session's from now on, unless it is somebody else's. */
function claim(Skep\Table $sessions, Skep\Table $names, int $fd, string $name): string
{
    if (!preg_match('/^\w{1,32}$/', $name)) {
        return 'error: letters, digits and _, at most 32';
    }
    if ($sessions->exist((string) $fd)) {
        return 'error: you have a name';
    }
    // To look whether a name is free and then to take it would be two steps, and another worker could come in between.
    // incr() is one: whoever makes a 1 of it is the first.
    if ($names->incr($name, 'claims') !== 1) {
        return 'error: the name is taken';
    }
    $names->set($name, ['fd' => $fd]);
    $sessions->set((string) $fd, ['name' => $name]);
    return "hello $name";
}

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set(['worker_num' => 2, 'max_connection' => MOST, 'open_eof_split' => true, 'package_eof' => "\n", 'package_max_length' => 4096]);
$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n", "try: nc {$server->host} {$server->port}\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $line) use ($sessions, $names): void {
    $words = explode(' ', trim($line), 3);
    if ($sessions->exist((string) $fd)) {
        $sessions->incr((string) $fd, 'said');
    }
    if ($words[0] === 'who') {
        $all = [];
        foreach ($sessions as $row) {
            $all[] = "{$row['name']} {$row['said']}";
        }
        sort($all);
        $answer = implode(', ', $all);
    } elseif ($words[0] === 'tell' && isset($words[2])) {
        $to = $names->get($words[1], 'fd');
        $from = $sessions->get((string) $fd, 'name') ?: 'somebody';
        $answer = $to && $server->send($to, "$from: $words[2]\n") ? 'told' : 'error: nobody of that name';
    } elseif (str_starts_with($line, 'I am ') && count($words) === 3) {
        $answer = claim($sessions, $names, $fd, $words[2]);
    } else {
        $answer = 'error: I am NAME, who, or tell NAME TEXT';
    }
    $server->send($fd, "$answer\n");
});
$server->on('close', function (Skep\Server $server, int $fd) use ($sessions, $names): void {
    $name = $sessions->get((string) $fd, 'name');
    if ($name !== false) {
        $sessions->del((string) $fd);
        $names->del($name);
    }
});
$server->start();
