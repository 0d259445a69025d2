--TEST--
sendMessage(): from every process to every worker and task worker; strings as they are, other values serialized; in order
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'task_worker_num' => 2]);
$server->on('pipeMessage', function (...$args) {
    $server = array_shift($args);
    say("at $server->worker_id: " . json_encode($args));
});
$send = function ($server, string $who, array $targets) {
    foreach ($targets as $target) {
        if (!$server->sendMessage("$who to $target", $target) || !$server->sendMessage([$who => null], $target)) {
            say("$who cannot send to $target: " . swoole_last_error());
        }
    }
};
$server->on('start', fn ($server) => $send($server, 'master', [0, 1, 2, 3]));
$server->on('managerStart', fn ($server) => $send($server, 'manager', [0, 1, 2, 3]));
$server->on('workerStart', fn ($server, $id) => $send($server, "worker $id", array_values(array_diff([0, 1, 2, 3], [$id]))));
$server->on('task', fn () => null);
$server->start();
PHP);
$run->expect('at ', 40);
echo 'exit code ', $run->stop(), "\n";
$lines = $run->lines('at ');
// In order for each pair: the string first.
$firsts = array_values(array_filter($lines, fn ($line) => str_contains($line, ' to ')));
foreach ($firsts as $line) {
    preg_match('/^(\d): \[(\d),"(.*) to \d"\]$/', $line, $m);
    $second = "$m[1]: [$m[2],{\"$m[3]\":null}]";
    if (array_search($line, $lines) > array_search($second, $lines)) {
        echo "not in order: $line\n";
    }
    $seen[] = "$m[3] ($m[2])";
}
$counts = array_count_values($seen);
ksort($counts);
print_r($counts);
?>
--EXPECT--
exit code 0
Array
(
    [manager (0)] => 4
    [master (0)] => 4
    [worker 0 (0)] => 3
    [worker 1 (1)] => 3
    [worker 2 (2)] => 3
    [worker 3 (3)] => 3
)
