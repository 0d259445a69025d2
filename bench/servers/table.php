<?php
// Operations on a Skep\Table, from as many processes at once as asked for: "table.php <what> <processes> <seconds>".
// Prints one line of JSON: operations per second and per process, by the clock and by the CPU time that they took.

[, $what, $processes, $seconds] = $argv + [1 => 'get', 2 => 1, 3 => 1];
const ROWS = 4096;

$table = new Skep\Table(ROWS);
$table->column('n', Skep\Table::TYPE_INT);
$table->column('name', Skep\Table::TYPE_STRING, 32);
$table->column('at', Skep\Table::TYPE_FLOAT);
$table->create();
$keys = [];
for ($i = 0; $i < ROWS; $i++) {
    $keys[] = "session:$i";
    $table->set("session:$i", ['n' => $i, 'name' => "name of $i", 'at' => 0.5]);
}

// Each is a round of 4096 operations, in a loop as scripts have it, whose own time is counted with them.
$rounds = [
    'get' => function () use ($table, $keys) {
        foreach ($keys as $key) {
            $table->get($key, 'n');
        }
    },
    'row' => function () use ($table, $keys) {
        foreach ($keys as $key) {
            $table->get($key);
        }
    },
    'set' => function () use ($table, $keys) {
        foreach ($keys as $i => $key) {
            $table->set($key, ['n' => $i, 'name' => 'somebody', 'at' => 1.5]);
        }
    },
    'incr' => function () use ($table, $keys) {
        foreach ($keys as $key) {
            $table->incr($key, 'n');
        }
    },
];
$round = $rounds[$what];

/** Operations, seconds, seconds of CPU. */
function measure(Closure $round, float $seconds): array
{
    $cpu = function () {
        $usage = getrusage();
        return $usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']
            + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1e6;
    };
    $round();
    [$operations, $start, $used] = [0, microtime(true), $cpu()];
    do {
        $round();
        $operations += ROWS;
    } while (microtime(true) - $start < $seconds);
    return [$operations, microtime(true) - $start, $cpu() - $used];
}

$children = [];
for ($i = 1; $i < $processes; $i++) {
    [$mine, $its] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    if (pcntl_fork() === 0) {
        fread($its, 1); // all begin together
        fwrite($its, json_encode(measure($round, $seconds)));
        exit;
    }
    $children[] = $mine;
    fclose($its);
}
array_map(fn ($child) => fwrite($child, 'x'), $children);
$results = [measure($round, $seconds)];
foreach ($children as $child) {
    $results[] = json_decode(stream_get_contents($child));
    pcntl_wait($status);
}
$operations = array_sum(array_column($results, 0));
echo json_encode([
    'per_s' => $operations / array_sum(array_column($results, 1)),
    'per_cpu_s' => $operations / array_sum(array_column($results, 2)),
]), "\n";
