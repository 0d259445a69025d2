--TEST--
B11, B14: a stop runs what waits, within max_wait_time, and reports the rest; nothing is left behind
--DESCRIPTION--
20 tasks of 100 kB. With time enough all of them are done; with one second for tasks of 300 ms some are lost, each of them
reported to the worker that gave it, and counted in the log, and the exit code is 1. No file, no queue, no segment stays.
--FILE--
<?php
require __DIR__ . '/../include/tasks.inc';

function traces(): array
{
    $ipc = array_map('file', ['/proc/sysvipc/msg', '/proc/sysvipc/shm', '/proc/sysvipc/sem']);
    $own = fn (string $file) => @fileowner($file) === posix_uid();
    return [...array_filter([...glob('/tmp/swoole*'), ...glob('/tmp/skep.*'), ...glob('/dev/shm/*')], $own), ...array_map('count', $ipc)];
}
function posix_uid(): int
{
    return (int)fileowner('/proc/self');
}

foreach ([10 => 20, 300 => 1] as $ms => $seconds) {
    $before = traces();
    $run = tasks($ms, "'max_wait_time' => $seconds", payload: 'str_repeat("x", 100000) . $i');
    $run->ask('20');
    $run->expect('begins 2');
    echo "$ms ms: exit code ", $run->stop(), ', ', account($run), ', ';
    $lost = $run->lines('lost ');
    echo $lost ? 'some lost: ' . implode(', ', array_unique(preg_replace('/^\d+ /', '', $lost))) : 'none lost', "\n";
    preg_match('/(\d+) tasks lost/', $run->wholeLog(), $said);
    echo (int)$said[1] === count($lost) ? '' : "the log says: $said[0], reported are " . count($lost) . "\n";
    echo traces() === $before ? "nothing is left\n" : 'left: ' . implode(' ', array_diff(traces(), $before)) . "\n";
}
?>
--EXPECT--
10 ms: exit code 0, 20 given, each accounted for once, none lost
nothing is left
300 ms: exit code 1, 20 given, each accounted for once, some lost: the server stopped
nothing is left
