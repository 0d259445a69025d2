<?php
// Slow work in task workers: a word is looked for the hard way, by its hash, and nobody waits for it.
//
//     php -d extension=php-ext/modules/skep.so examples/php/tasks.php [port] [host]
//     printf 'hash zoo\nfind 24fe\n' | nc 127.0.0.1 9508        (^C ends it)
//
// No -N for nc: a client that has closed its side is gone for a task that is still at work.
//
// Each line is a question:
//     hash <word>     the first four digits of the word's SHA-256
//     find <digits>   every word of up to three letters that has them: a task, answered when it is through
//     both <digits> <digits>
//                     two such tasks at once, and the worker waits for both
//
// Workers answer at once and stay free; the searching is done by task workers. One that dies under its task costs that
// task only: its client is told, see onTaskLost.

require __DIR__ . '/arguments.php';
[$port, $host] = arguments(['port' => 9508, 'host' => '127.0.0.1']);

const DIGITS = 4;

function start_of_hash(string $word): string
{
    return substr(hash('sha256', $word), 0, DIGITS);
}

/** Words of up to three letters whose hash begins so. */
function search(string $digits): array
{
    $found = [];
    for ($word = 'a'; strlen($word) <= 3; $word++) {
        if (start_of_hash($word) === $digits) {
            $found[] = $word;
        }
    }
    return $found;
}

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 1,
    'task_worker_num' => 2,
    'open_eof_split' => true,
    'package_eof' => "\n",
    'package_max_length' => 65536,
    'task_queue_max_num' => 1000, // more questions than that are refused at once
]);
$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: printf 'hash zoo\\nfind 24fe\\n' | nc {$server->host} {$server->port}\n";
});

$asking = []; // by the number of the task: who has asked
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $line) use (&$asking): void {
    $words = explode(' ', rtrim($line));
    switch (array_shift($words)) {
        case 'hash':
            $server->send($fd, start_of_hash($words[0] ?? '') . "\n");
            break;
        case 'find':
            $task = $server->task($words[0] ?? '');
            if ($task === false) { // never 0, which is the number of the first one
                $server->send($fd, "too many questions\n");
            } else {
                $asking[$task] = $fd;
            }
            break;
        case 'both':
            $answers = $server->taskCo(array_slice($words, 0, 2), 10.0);
            $server->send($fd, json_encode($answers) . "\n");
            break;
        default:
            $server->send($fd, "error: hash, find or both\n");
    }
});

// Runs in a task worker. What it returns is the result, an array here: values travel as they are.
$server->on('task', function (Skep\Server $server, int $task, int $worker, string $digits): array {
    return search($digits);
});

// Back in the worker that has asked.
$server->on('finish', function (Skep\Server $server, int $task, array $words) use (&$asking): void {
    $fd = $asking[$task] ?? 0;
    unset($asking[$task]);
    if ($fd > 0) {
        $server->send($fd, ($words ? implode(' ', $words) : 'nothing') . "\n");
    }
});
$server->on('taskLost', function (Skep\Server $server, int $task, int $worker, string $reason) use (&$asking): void {
    $fd = $asking[$task] ?? 0;
    unset($asking[$task]);
    if ($fd > 0) {
        $server->send($fd, "no answer: $reason\n");
    }
});
$server->start();
