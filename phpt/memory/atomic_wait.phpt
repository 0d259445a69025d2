--TEST--
Atomic::wait and wakeup: by value, between processes, with and without a limit of time
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

$atomic = new Skep\Atomic(1);
var_dump($atomic->wait(), $atomic->get());         // 1: taken at once
$start = microtime(true);
var_dump($atomic->wait(0.05), microtime(true) - $start >= 0.049, $atomic->get());
$atomic->set(7);
var_dump($atomic->wait(0), $atomic->wait(-1), $atomic->wakeup(), $atomic->get()); // any other value: no waiting, no waking
$atomic->set(0);
var_dump($atomic->wakeup(), $atomic->get(), $atomic->wakeup(), $atomic->wait(0.01), $atomic->wait(1e-9));

echo "another process, for ever\n";
foreach ([0, -1, 20, 1e300, NAN] as $timeout) {
    $asleep = new Skep\Atomic();
    $pid = child(function () use ($atomic, $asleep, $timeout) {
        $asleep->set(1);
        exit($atomic->wait($timeout) ? 3 : 4);
    });
    eventually(fn () => $asleep->get());
    usleep(mt_rand(0, 20000)); // asleep by now, or just about to be: it must not matter
    $atomic->wakeup();
    echo reap($pid), ' ', $atomic->get(), "\n";
}

echo "as many as said\n";
[$woken, $asleep] = [new Skep\Atomic(), new Skep\Atomic()];
$pids = [];
for ($i = 0; $i < 5; $i++) {
    $pids[] = child(function () use ($atomic, $asleep, $woken) {
        $asleep->add();
        exit($atomic->wait(0) && $woken->add() ? 3 : 4);
    });
}
// Asleep for the kernel too, not only by their own words.
$sleeping = fn (int $pid) => preg_match('/\) S /', (string)@file_get_contents("/proc/$pid/stat"));
eventually(fn () => $asleep->get() === 5 && count(array_filter($pids, $sleeping)) === 5);
usleep(50000);
$atomic->wakeup(3);
var_dump((bool)eventually(fn () => $woken->get() === 3));
usleep(100000);
var_dump($woken->get(), $atomic->get());
$atomic->wakeup(0);
usleep(50000);
var_dump($woken->get() <= 4); // nobody was woken, but a sleeper may look at the value by itself: within half a second
$atomic->set(0);
while ($woken->get() < 5) {
    $atomic->wakeup(5);
    usleep(5000);
}
echo implode(' ', array_map('reap', $pids)), "\n";

echo "a waiter that is killed is not missed\n";
$atomic->set(0);
$asleep->set(0);
$first = child(fn () => $asleep->add() && $atomic->wait(0));
eventually(fn () => $asleep->get() === 1);
$second = child(fn () => $asleep->add() && exit($atomic->wait(0) ? 3 : 4));
eventually(fn () => $asleep->get() === 2);
slay($first);
$atomic->wakeup();
echo reap($second), "\n";
?>
--EXPECT--
bool(true)
int(0)
bool(false)
bool(true)
int(0)
bool(false)
bool(false)
bool(true)
int(7)
bool(true)
int(1)
bool(true)
bool(true)
bool(false)
another process, for ever
3 0
3 0
3 0
3 0
3 0
as many as said
bool(true)
int(3)
int(0)
bool(true)
3 3 3 3 3
a waiter that is killed is not missed
3
