--TEST--
Descriptors that are closed while they are watched: the loop forgets them, does not spin, and ends
--DESCRIPTION--
A child that was forked meanwhile keeps what is behind the descriptor open, so the system goes on telling of it, and it cannot be
taken out of an epoll set by a number that is not its own any more.
--EXTENSIONS--
posix
pcntl
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

use Skep\{Event, Process, Timer};

function pair(): array
{
    return stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
}

/** A child that has all descriptors of this process, until it is killed. */
function keeper(): int
{
    return (new Process(fn () => sleep(60), false, 0))->start();
}

function cpu(): float
{
    $usage = getrusage();
    return $usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec'] + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1e6;
}

/** The loop has nothing to do for half a second. */
function idles(string $what): void
{
    [$cpu, $begin] = [cpu(), microtime(true)];
    Timer::after(500, fn () => 1);
    Event::wait();
    $time = microtime(true) - $begin;
    $cpu = cpu() - $cpu;
    echo "$what: ", $time >= 0.5 && $time < 15 ? '' : "took $time s, ", $cpu < 0.1 ? 'idle' : "used $cpu s", "\n";
}

// Nobody else has it.
[$a, $b] = pair();
Event::add($a, fn () => 1);
fclose($a);
Event::wait();
echo "ended\n";

// Closed in its own callback, and somebody has it.
[$a, $b] = pair();
$keeper = keeper();
$calls = 0;
Event::add($a, function ($a) use (&$calls) { $calls++; fclose($a); });
fwrite($b, 'x');
idles('closed in its callback');
echo "calls: $calls\n";
var_dump(Event::isset((int)$a));
Process::kill($keeper, SIGKILL);

// Removed after it was closed.
[$a, $b] = pair();
$keeper = keeper();
$fd = Event::add($a, fn () => print("called\n"));
fclose($a);
var_dump(Event::del($fd));
fwrite($b, 'x');
idles('removed when closed');
Process::kill($keeper, SIGKILL);

// Its number is another one's.
[$a, $b] = pair();
$keeper = keeper();
$fd = Event::add($a, fn () => print("called\n"));
fclose($a);
fwrite($b, 'x');
[$c, $d] = pair();
$again = Event::add($c, function ($c) { echo fread($c, 20), "\n"; Event::del($c); });
var_dump($again === $fd);
fwrite($d, 'to the new one');
idles('number used again');
Process::kill($keeper, SIGKILL);

// The same, and nobody watches the new one.
[$a, $b] = pair();
$keeper = keeper();
Event::add($a, function ($a) use (&$late) { $late++; });
fclose($a);
fwrite($b, 'x');
[$c, $d] = pair();
idles('number used for something else');
echo 'calls: ', $late ?? 0, "\n";
Process::kill($keeper, SIGKILL);

// Others are heard while and after.
[$live, $peer] = pair();
stream_set_blocking($live, false);
$heard = '';
Event::add($live, function ($live) use (&$heard) { $heard .= fread($live, 10); strlen($heard) === 20 && Event::del($live); });
$keepers = $others = [];
for ($i = 0; $i < 20; $i++) {
    [$a, $others[]] = pair();
    Event::add($a, fn () => 1);
    $keepers[] = keeper();
    fwrite(end($others), 'x');
    Timer::after(10 * $i + 5, fn () => fclose($a));
    Timer::after(10 * $i + 10, fn () => fwrite($peer, 'x'));
}
Event::wait(); // not at rest: until they are closed all of them are ready
idles('twenty one after the other');
echo strlen($heard), "\n";
foreach ($keepers as $pid) {
    Process::kill($pid, SIGKILL);
}
while (Process::wait(true)) {
}

// In a worker and in a user process.
$run = serve(<<<'PHP'
function lose($label) {
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $parent = getmypid();
    if (!pcntl_fork()) {
        while (posix_getppid() === $parent) usleep(50_000);
        posix_kill(getmypid(), SIGKILL);
    }
    Skep\Event::add($a, function ($a) { fclose($a); });
    fwrite($b, 'x');
    Skep\Timer::after(200, function () use ($label) {
        $cpu = fn () => array_sum(array_slice(posix_times(), 1, 2));
        $before = $cpu();
        Skep\Timer::after(500, function () use ($label, $cpu, $before) {
            $used = ($cpu() - $before) / 100;
            [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
            Skep\Event::add($a, function ($a) use ($label, $used) {
                Skep\Event::del($a);
                say("$label: " . ($used < 0.15 ? 'idle' : "used $used s") . ', ' . fread($a, 10));
            });
            fwrite($b, 'goes on');
        });
    });
}
$server = server(['worker_num' => 1, 'max_wait_time' => 20]);
$server->on('start', fn () => lose('master'));
$server->on('workerStart', fn () => lose('worker'));
$server->addProcess(new Skep\Process(function () {
    lose('user process');
    Skep\Event::wait();
    say('user process: over');
    sleep(60);
}));
$server->on('receive', fn () => 1);
$server->start();
PHP);
$run->expect('worker: idle');
$run->expect('master: idle');
$run->expect('user process: over');
$begin = microtime(true);
var_dump($run->stop(), microtime(true) - $begin < 15 ?: microtime(true) - $begin);
$lines = explode("\n", trim($run->output()));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
ended
closed in its callback: idle
calls: 1
bool(false)
bool(true)
removed when closed: idle
bool(true)
to the new one
number used again: idle
number used for something else: idle
calls: 0
twenty one after the other: idle
20
int(0)
bool(true)
master: idle, goes on
user process: idle, goes on
user process: over
worker: idle, goes on
