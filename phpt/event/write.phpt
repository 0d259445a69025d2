--TEST--
Event::write(): what waits is bounded, goes out in linear time and in order, and messages stay messages
--DESCRIPTION--
php-api 13: buffered. A peer that never reads costs 8 MiB for a descriptor; more is refused with 1009.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

use Skep\{Event, Process, Timer};

function cpu(): float
{
    $usage = getrusage();
    return $usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec'] + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1e6;
}

function resident(): int
{
    preg_match('/VmRSS:\s+(\d+)/', file_get_contents('/proc/self/status'), $found);
    return (int)$found[1] << 10;
}

// A peer that never reads: 64 MiB in pieces of 1 KiB.
[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
Event::add($a, fn () => 1);
[$taken, $refused, $before, $cpu] = [0, 0, resident(), cpu()];
for ($i = 0; $i < 65536; $i++) {
    if (Event::write($a, str_pad((string)$taken, 1024, '.'))) {
        $taken++;
        if ($refused) {
            echo "taken after it was refused\n";
        }
    } else {
        $refused++;
    }
}
echo swoole_last_error(), ' ', swoole_strerror(swoole_last_error(), 9), "\n";
var_dump($taken >= 8 << 10 && $taken < 12 << 10, $taken + $refused, resident() - $before < 20 << 20);
$cpu = cpu() - $cpu;
echo $cpu < 3 ? 'quick' : "took $cpu s", "\n";

// It reads at last: everything that was taken, in order.
Event::add($b, function ($b) use (&$got, $taken) {
    $got .= fread($b, 1 << 20);
    if (strlen($got) === $taken << 10) {
        Event::del($b);
    }
});
stream_set_blocking($b, false);
stream_set_chunk_size($b, 1 << 20);
$expected = '';
for ($i = 0; $i < $taken; $i++) {
    $expected .= str_pad((string)$i, 1024, '.');
}
Event::defer(fn () => Event::set($a, null, fn () => Event::del($a), SWOOLE_EVENT_WRITE)); // called when all is written
Event::wait();
var_dump($got === $expected, Event::isset($a));
unset($got, $expected);

// A single write is taken whole if nothing waits.
Event::add($a, fn () => 1);
var_dump(Event::write($a, str_repeat('x', 20 << 20)), Event::write($a, 'y'), swoole_last_error());

// To a pipe, 4 KiB at a time: four times as much takes four times as long.
function drain(int $size): float
{
    $process = proc_open(['sh', '-c', 'exec cat > /dev/null'], [['pipe', 'r']], $pipes);
    stream_set_blocking($pipes[0], false);
    Event::add($pipes[0], fn () => 1, fn ($pipe) => Event::del($pipe), SWOOLE_EVENT_WRITE);
    $cpu = cpu();
    Event::write($pipes[0], str_repeat('x', 80_000)); // more than the pipe takes
    for ($i = 0; $i < $size; $i += 8192) {
        if (!Event::write($pipes[0], str_repeat('x', 8192))) {
            echo "refused\n";
            break;
        }
    }
    Event::wait();
    $cpu = cpu() - $cpu;
    fclose($pipes[0]);
    proc_close($process);
    return $cpu;
}

Event::del($a);
drain(1 << 20);
[$small, $large] = [drain(2 << 20), drain(7 << 20)];
echo $large < 8 * $small || $large < 0.05 ? 'linear' : "$small s and $large s", "\n";

// Messages.
$process = new Process(function (Process $p) {
    usleep(100_000);
    for ($i = 0; $i < 3000; $i++) {
        if ($p->read(65536) !== str_repeat("$i ", 200)) {
            $p->write("message $i is another one");
            return;
        }
    }
    $p->write('all there');
});
$process->start();
Event::add($process->pipe, function ($pipe) use ($process) {
    echo $process->read(), "\n";
    Event::del($pipe);
});
for ($i = 0; $i < 3000; $i++) {
    if (!Event::write($process->pipe, str_repeat("$i ", 200))) {
        echo "message $i refused\n";
        break;
    }
}
Event::wait();
Process::wait();

// A message that is too long for the system is refused, and the loop does not spin over it.
[$c, $d] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_DGRAM, 0);
Event::add($c, fn () => 1);
$filled = 0;
while (Event::write($c, 'fills it')) {
    if (++$filled === 1000) {
        break;
    }
}
var_dump(Event::write($c, str_repeat('x', 4 << 20)));
Event::add($d, function ($d) use (&$received, &$cpu, $filled, $c) {
    if (fread($d, 100) === 'fills it' && ++$received === $filled) {
        $cpu = cpu();
        Timer::after(500, fn () => Event::del($c) && Event::del($d));
    }
});
Event::wait();
$cpu = cpu() - $cpu;
echo "$received of $filled, ", $cpu < 0.25 ? 'idle' : "used $cpu s", "\n";
Event::add($c, fn () => 1);
var_dump(Event::write($c, str_repeat('x', 4 << 20)), swoole_strerror(swoole_last_error()));

// Nobody is there any more.
fclose($b);
Event::add($a, fn () => 1);
var_dump(Event::write($a, 'x'), swoole_strerror(swoole_last_error()));
var_dump(Event::del($a), Event::del($c));
?>
--EXPECT--
1009 Output buffer overflow
bool(true)
int(65536)
bool(true)
quick
bool(true)
bool(false)
bool(true)
bool(false)
int(1009)
linear
all there
bool(true)
1000 of 1000, idle
bool(false)
string(16) "Message too long"
bool(false)
string(11) "Broken pipe"
bool(true)
bool(true)
