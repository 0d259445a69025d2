--TEST--
Programs that scripts start inherit neither blocked nor ignored signals
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
function signals(string $who): void
{
    $text = shell_exec("grep -E '^Sig(Blk|Ign)' /proc/self/status");
    $pipes = [];
    $process = proc_open(['grep', '-E', '^Sig(Blk|Ign)', '/proc/self/status'], [1 => ['pipe', 'w']], $pipes);
    $text .= stream_get_contents($pipes[1]);
    proc_close($process);
    preg_match_all('/^(\w+):\s*(\w+)/m', $text, $found, PREG_SET_ORDER);
    // 32 and 33 are the C library's: its posix_spawn() has them ignored on the way.
    say("$who " . implode(' ', array_map(fn ($f) => $f[1] . '=' . (hexdec($f[2]) & ~(3 << 31)), $found)));
}
$server = server();
$server->on('start', fn () => signals('master'));
$server->on('managerStart', fn () => signals('manager'));
$server->on('workerStart', fn () => signals('worker'));
$server->start();
PHP);
foreach (['master', 'manager', 'worker'] as $who) {
    $run->expect("$who SigBlk=0 SigIgn=0 SigBlk=0 SigIgn=0");
}
echo $run->stop(), "\n";
?>
--EXPECT--
0
