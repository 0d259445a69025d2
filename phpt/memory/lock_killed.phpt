--TEST--
kill -9 of the holder, 200 times at random moments: the lock of any kind is free for the next one
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';
const ROUNDS = 200;

foreach (locks() as $kind => $lock) {
    [$inside, $turns] = [new Skep\Atomic(), new Skep\Atomic()];
    [$died, $failed, $untold] = [0, 0, 0];
    for ($round = 0; $round < ROUNDS; $round++) {
        $turns->set(0);
        $pid = child(function () use ($lock, $inside, $turns) {
            while (true) {
                $lock->lock();
                $inside->set(1);
                usleep(mt_rand(0, 60));
                $inside->set(0);
                $lock->unlock();
                $turns->add();
                usleep(mt_rand(0, 120));
                $lock->lock_read();
                $lock->unlock();
            }
        });
        eventually(fn () => $turns->get() > 0);
        usleep(mt_rand(0, 1500));
        slay($pid);
        if (!($round % 2 ? $lock->lock(LOCK_EX, 10) : ($lock->trylock() || $lock->lock_read() && $lock->unlock() && $lock->lock(LOCK_EX, 10)))) {
            $failed++;
        }
        $died += $inside->get();
        // Who comes next is told, if what the holder guarded may be half done.
        if ($inside->get() && $lock->errCode !== 130 && $round % 2) {
            $untold++;
        }
        $inside->set(0);
        $lock->unlock() || $failed++;
    }
    $untold = $kind === 'FILELOCK' ? 0 : $untold; // which cannot tell
    echo "$kind: $failed failed, $untold untold, ", $died > 0 && $died < ROUNDS ? 'some' : "$died of " . ROUNDS, " died holding it\n";
}
?>
--EXPECT--
MUTEX: 0 failed, 0 untold, some died holding it
RWLOCK: 0 failed, 0 untold, some died holding it
SPINLOCK: 0 failed, 0 untold, some died holding it
SEM: 0 failed, 0 untold, some died holding it
FILELOCK: 0 failed, 0 untold, some died holding it
