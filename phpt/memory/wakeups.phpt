--TEST--
Atomic::wakeup: each one is heard by one waiter, and those of several by no more than said
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

/** Have four processes wait all the time while $wake wakes them up $times times: how often they were, and what is left. */
function heard(int $times, int $count): array
{
    [$atomic, $heard, $left] = [new Skep\Atomic(), new Skep\Atomic(), new Skep\Atomic()];
    $waiters = [];
    for ($i = 0; $i < 4; $i++) {
        $waiters[] = child(function () use ($atomic, $heard, $left) {
            while (!$left->get()) {
                if ($atomic->wait(0.7)) { // longer than a sleep, after which one looks around
                    $heard->add();
                }
            }
        });
    }
    for ($i = 0; $i < $times; $i++) {
        $atomic->wakeup($count);
        for ($end = microtime(true) + DEADLINE; $atomic->get() !== 0 && microtime(true) < $end; usleep(10)) {
        }
    }
    usleep(1000000); // those who were woken and did not run yet
    $left->set(1);
    array_map('reap', $waiters);
    return [$heard->get(), $atomic->get()];
}

[$heard, $left] = heard(6000, 1);
echo $heard, ' ', $left, "\n";
[$heard, $left] = heard(1000, 3);
var_dump($heard >= 1000 && $heard <= 3000, $left);
?>
--EXPECT--
6000 0
bool(true)
int(0)
