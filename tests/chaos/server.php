<?php
// The server under chaos in PHP: php -n -d extension=posix -d extension=<skep.so> server.php <directory>
// It answers every piece it gets with "<worker>:<pid>:<length>:<the piece>" and keeps no state; a piece
// that begins with "!" is an order, one that begins with "?" an errand. tests/programs/chaos_server.rs does the same in
// Rust, src/chaos/wire.rs and src/chaos/ledger.rs have the words.

$directory = $argv[1];
$settings = json_decode(file_get_contents("$directory/settings"), true, 512, JSON_THROW_ON_ERROR);
$users = $settings['users'];
unset($settings['users']);

/** A file that is there as a whole or not at all. */
function publish(string $path, string $text): void
{
    file_put_contents("$path.new", $text);
    rename("$path.new", $path);
}

/** What a task worker or user process does because it was told to; on record before it happens. */
function obey(string $ticket, string $order): string
{
    global $orders;
    fwrite($orders, "\nobeys $ticket " . getmypid() . " $order;");
    return deed($order);
}

function deed(string $order): string
{
    [$verb, $argument] = explode(' ', "$order ", 3);
    switch ($verb) {
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

/** An order to a worker. */
function perform(Skep\Server $server, int $fd, string $order): string
{
    global $processes;
    [$verb, $argument] = explode(' ', "$order ", 2);
    switch ($verb) {
        case '!hello':
            return (string) $fd;
        case '!stats':
            return json_encode($server->stats());
        case '!reload':
            return $server->reload() ? 'accepted' : 'refused';
        case '!reload-tasks':
            return $server->reload(true) ? 'accepted' : 'refused';
        case '!stop':
            return $server->stop() ? 'accepted' : 'refused';
        case '!task':
            [$ticket, $order] = explode(' ', rtrim($argument), 2);
            return give($server, $fd, $ticket, -1, "order $ticket $fd 0 $order\n") === false ? 'refused' : 'accepted';
        case '!user':
            [$ticket, $order] = explode(' ', rtrim($argument), 2);
            return $processes[ord($ticket[-1]) % count($processes)]->write("$ticket 0 $order") ? 'accepted' : 'refused';
    }
    return deed($order);
}

function note(string $line): void
{
    global $ledger;
    fwrite($ledger, "\n$line;");
}

function answer(Skep\Server $server, int $fd, string $text): void
{
    global $own;
    $server->send($fd, "$own:" . getmypid() . ':' . strlen($text) . ":$text");
}

/** Now and then something takes its time, so that deaths find it under way. */
function work(int $percent = 4): void
{
    if (mt_rand(0, 99) < $percent) {
        usleep(mt_rand(500, 10000));
    }
}

function filler(string $ticket, int $bytes): string
{
    return substr(str_repeat("$ticket\n", intdiv($bytes, strlen($ticket) + 1) + 1), 0, $bytes);
}

function is_good(string $payload): bool
{
    [$head, $body] = explode("\n", $payload, 2);
    $words = explode(' ', $head);
    return $body === filler($words[1], (int) $words[3]);
}

/** Give a task whose result comes to onFinish. */
function give(Skep\Server $server, int $fd, string $ticket, int $target, string $payload): int|false
{
    global $open, $own;
    $id = $server->task($payload, $target);
    if ($id !== false) {
        note("given $ticket $own " . getmypid() . " plain $id");
        $open[$id] = [$ticket, $fd];
    }
    return $id;
}

/** Give tasks and wait for all of them; in one word what came of the worst. */
function await(Skep\Server $server, int $fd, array $tickets, int $bytes): string
{
    global $own;
    $payloads = array_map(fn ($ticket) => "work $ticket $fd $bytes\n" . filler($ticket, $bytes), $tickets);
    foreach ($tickets as $ticket) {
        note("given $ticket $own " . getmypid() . ' waited -');
    }
    if (count($tickets) > 1) {
        $results = $server->taskWaitMulti($payloads, 0.5) ?: [];
    } else {
        $results = [$server->taskwait($payloads[0], 0.5)];
        if ($results[0] === false) {
            $results = match ($server->getLastError()) { 2006 => ['lost'], 6002 => [], default => [false] };
        }
    }
    $worst = 'done';
    foreach ($tickets as $at => $ticket) {
        $result = $results[$at] ?? 'late';
        $came = match (true) {
            $result === false => 'refused-' . $server->getLastError(),
            $result === 'lost', $result === 'late' => $result,
            default => is_good($result) ? 'done' : 'spoiled',
        };
        note("waited $ticket " . getmypid() . " $came");
        $worst = $came === 'done' ? $worst : $came;
    }
    return $worst;
}

/** What a client wants that takes more than this callback. What is said at once: "+" or, if that was all, "=". */
function errand(Skep\Server $server, int $fd, string $errand): string
{
    global $processes, $own;
    [$kind, $ticket, $bytes] = explode(' ', rtrim($errand));
    [$bytes, $number] = [(int) $bytes, (int) substr($ticket, strpos($ticket, '.') + 1)];
    $refused = fn () => "=$ticket refused-" . $server->getLastError();
    switch ($kind) {
        case '?task':
        case '?targeted':
            $target = $kind === '?task' ? -1 : $number % $server->setting['task_worker_num'];
            $id = give($server, $fd, $ticket, $target, "work $ticket $fd $bytes\n" . filler($ticket, $bytes));
            return $id === false ? $refused() : "+$ticket $id";
        case '?wait':
            return "=$ticket " . await($server, $fd, [$ticket], $bytes);
        case '?waitall':
            return "=$ticket " . await($server, $fd, ["$ticket.0", "$ticket.1", "$ticket.2"], $bytes);
        case '?message':
            $workers = $server->setting['worker_num'];
            $to = ($own + 1 + $number % ($workers - 1)) % $workers;
            $payload = "work $ticket $fd $bytes\n" . filler($ticket, $bytes);
            return $server->sendMessage($payload, $to) ? "+$ticket $to" : $refused();
        case '?user':
            $process = $processes[$number % count($processes)];
            return $process->write("$ticket $fd $own") ? "+$ticket $process->id" : $refused();
        case '?after':
            $id = $server->after(1 + $number % 200, fn () => answer($server, $fd, "=$ticket done"));
            return "+$ticket $id";
    }
    return "=$ticket what";
}

/** A user process: answers what workers write into its pipe, and gives tasks of its own. */
function live(Skep\Server $server, Skep\Process $process): void
{
    $count = 0;
    $server->tick(20, function () use ($server, $process, &$count) {
        $ticket = 'u' . getmypid() . '.' . $count++;
        if (($id = $server->task("work $ticket 0 9\n" . filler($ticket, 9))) !== false) {
            note("given $ticket $process->id " . getmypid() . " unheard $id");
        }
    });
    Skep\Event::add($process->pipe, function () use ($server, $process) {
        [$ticket, $fd, $rest] = explode(' ', $process->read(), 3);
        if ($rest[0] === '!') {
            return obey($ticket, $rest);
        }
        work();
        // By the way of a worker, or without one.
        return ord($ticket[-1]) % 2 ? $server->sendMessage("work $ticket $fd 0\n", (int) $rest)
            : answer($server, (int) $fd, "=$ticket done");
    });
}

$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set($settings + ['log_file' => "$directory/log"]);
// Opened for appending, so that all processes may write to them.
[$ledger, $orders] = [fopen("$directory/ledger", 'a'), fopen("$directory/orders", 'a')];
$processes = [];
$open = []; // tasks of this worker: ticket and session
for ($count = 0; $count < $users; $count++) {
    $processes[] = $process = new Skep\Process(function ($process) use ($server, $directory) {
        global $own;
        $own = $process->id; // the server's worker_id stays -1 here
        publish("$directory/roles/" . getmypid(), 'user');
        live($server, $process);
    });
    $server->addProcess($process);
}
$server->on('start', function ($server) use ($directory) {
    publish("$directory/port", (string) $server->port);
});
$server->on('workerStart', function ($server, $id) use ($directory) {
    global $own;
    $own = $id;
    publish("$directory/roles/" . getmypid(), $server->taskworker ? 'task' : 'worker');
});
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data[0] === '!') {
        $data = perform($server, $fd, $data);
    } elseif ($data[0] === '?') {
        $data = errand($server, $fd, $data);
    } else {
        work();
    }
    answer($server, $fd, $data);
});
$server->on('task', function ($server, $id, $source, $payload) {
    [$verb, $ticket, $fd, $bytes, $order] = explode(' ', strstr($payload, "\n", true) . ' ', 5);
    note("ran $ticket " . getmypid());
    if ($verb === 'order') {
        obey($ticket, $order);
    } elseif (!is_good($payload)) {
        return "spoiled $ticket $fd 0\n";
    }
    work(20);
    return match (true) {
        $verb === 'order' => "slept $ticket $fd 0\n",
        $fd > 0 => $payload,
        default => null, // of a user process: nobody would hear of it
    };
});
$server->on('finish', function ($server, $id, $result, $orphaned) {
    global $open, $own;
    [$verb, $ticket, $fd] = explode(' ', strstr($result, "\n", true));
    note("finished $ticket $own " . getmypid() . ' ' . (int) $orphaned);
    if ($verb !== 'slept') {
        answer($server, (int) $fd, "=$ticket " . ($verb === 'work' && is_good($result) ? 'done' : 'spoiled'));
    }
    if (!$orphaned) {
        unset($open[$id]);
    }
});
$server->on('taskLost', function ($server, $id, $source, $reason, $orphaned) {
    global $open;
    note("lost $source " . getmypid() . " $id " . (int) $orphaned);
    if (!$orphaned) {
        [$ticket, $fd] = $open[$id];
        unset($open[$id]);
        answer($server, $fd, "=$ticket lost");
    }
});
$server->on('pipeMessage', function ($server, $source, $payload) {
    [, $ticket, $fd] = explode(' ', strstr($payload, "\n", true));
    work();
    answer($server, (int) $fd, "=$ticket " . (is_good($payload) ? 'done' : 'spoiled'));
});
$server->on('shutdown', function ($server) use ($directory) {
    publish("$directory/stats", json_encode($server->stats()));
});
$server->start();
