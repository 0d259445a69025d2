--TEST--
A lock keeps four processes apart, and its readers from its writers
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';
const ROUNDS = 4000;

foreach (locks() as $kind => $lock) {
    [$first, $second, $torn] = [new Skep\Atomic(), new Skep\Atomic(), new Skep\Atomic()];
    $pids = [];
    for ($i = 0; $i < 4; $i++) {
        $pids[] = child(function () use ($kind, $lock, $first, $second, $torn) {
            for ($n = 0; $n < ROUNDS; $n++) {
                if ($n % 4 === 0) {
                    $lock->lock_read() || exit($lock->errCode);
                    $first->get() === $second->get() || $torn->add();
                    $lock->unlock() || exit($lock->errCode);
                }
                $lock->lock() || exit($lock->errCode);
                $first->set($first->get() + 1); // not one step: without the lock some would be lost
                $second->set($second->get() + 1);
                $lock->unlock() || exit($lock->errCode);
            }
        });
    }
    echo "$kind: ", implode(' ', array_map('reap', $pids)), ", {$first->get()} {$second->get()} {$torn->get()}\n";
}
?>
--EXPECT--
MUTEX: 0 0 0 0, 16000 16000 0
RWLOCK: 0 0 0 0, 16000 16000 0
SPINLOCK: 0 0 0 0, 16000 16000 0
SEM: 0 0 0 0, 16000 16000 0
FILELOCK: 0 0 0 0, 16000 16000 0
