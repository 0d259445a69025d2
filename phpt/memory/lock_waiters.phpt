--TEST--
Those who wait for a lock get it when its holder is killed, also if the holder has left children behind
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

foreach (locks() as $kind => $lock) {
    foreach (['lock', 'lock_read'] as $how) {
        [$holds, $asked, $orphan] = [new Skep\Atomic(), new Skep\Atomic(), new Skep\Atomic()];
        $holder = child(function () use ($lock, $holds, $how, $orphan) {
            $lock->$how();
            $orphan->set(child(fn () => sleep(50))); // has the memory and, but for the care taken, the open file
            $holds->set(1);
            sleep(50);
        });
        eventually(fn () => $holds->get());
        $waiters = [];
        for ($i = 0; $i < 3; $i++) {
            $waiters[] = child(function () use ($lock, $asked) {
                $asked->add();
                exit($lock->lock() && $lock->unlock() ? 0 : $lock->errCode);
            });
        }
        eventually(fn () => $asked->get() === 3);
        usleep(20000);
        $start = microtime(true);
        slay($holder);
        echo "$kind $how: ", implode(' ', array_map('reap', $waiters)), microtime(true) - $start < 5 ? '' : ' late', "\n";
        exec('kill -9 ' . $orphan->get());
    }
}
?>
--EXPECT--
MUTEX lock: 0 0 0
MUTEX lock_read: 0 0 0
RWLOCK lock: 0 0 0
RWLOCK lock_read: 0 0 0
SPINLOCK lock: 0 0 0
SPINLOCK lock_read: 0 0 0
SEM lock: 0 0 0
SEM lock_read: 0 0 0
FILELOCK lock: 0 0 0
FILELOCK lock_read: 0 0 0
