--TEST--
Process::read() with a large size needs no more memory than what comes
--FILE--
<?php
use Skep\Process;

function resident(): int
{
    preg_match('/VmRSS:\s+(\d+)/', file_get_contents('/proc/self/status'), $found);
    return (int)$found[1] << 10;
}

$before = resident();
$all = [];
for ($i = 0; $i < 20; $i++) {
    $all[] = $process = new Process(function (Process $p) {
        $p->write('short');
        $p->write(str_repeat('long', 25_000));
        $p->write('again');
    }, false, Process::PIPE_TYPE_DGRAM);
    $process->start();
    if ($process->read(64 << 20) !== 'short' || strlen($process->read(32 << 20)) !== 100_000 || $process->read() !== 'again') {
        echo "not what was written\n";
    }
    if ($process->read(64 << 20) !== '') {
        echo "no end\n";
    }
}
$grown = resident() - $before;
echo $grown < 16 << 20 ? 'flat' : "grown by $grown", "\n";
while (Process::wait(false)) {
}
?>
--EXPECT--
flat
