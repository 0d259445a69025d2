--TEST--
Lock: kinds, operations, results and errCode
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

foreach (locks() as $kind => $lock) {
    echo "$kind: ";
    $said = [];
    $say = function (bool $result) use ($lock, &$said) {
        $said[] = $result ? "yes $lock->errCode" : "no $lock->errCode";
    };
    $say($lock->lock());
    $say($lock->trylock());
    $say($lock->lock(LOCK_EX | LOCK_NB));
    $say($lock->lock(LOCK_EX, 0.02));
    $say($lock->lockwait(0.02));
    $say($lock->lock()); // for ever would be for ever
    $say($lock->unlock());
    $say($lock->unlock());
    echo implode(', ', $said), "\n   shared: ";
    $said = [];
    $say($lock->lock_read());
    $say($lock->trylock_read());
    $say($lock->lock(LOCK_SH, 0.02));
    $say($lock->trylock());
    $say($lock->lock(LOCK_EX, 0.02));
    while ($lock->unlock()) {
        $said[] = 'unlocked';
    }
    $say($lock->lockwait());
    echo implode(', ', $said), "\n   another process: ";
    $other = fn (callable $what) => reap(child(fn () => exit($what() ? 0 : $lock->errCode)));
    echo implode(' ', [
        $other(fn () => $lock->trylock()),
        $other(fn () => $lock->trylock_read()),
        $other(fn () => $lock->lock(LOCK_EX, 0.02)),
        $other(fn () => $lock->lock(LOCK_SH, 0.02)),
        $other(fn () => $lock->unlock()), // of what its parent holds
        $other(fn () => $lock->trylock()),
    ]), "\n   shared: ";
    $lock->unlock();
    $lock->lock_read();
    echo implode(' ', [
        $other(fn () => $lock->trylock_read() && $lock->lock_read() && $lock->unlock() && $lock->unlock()),
        $other(fn () => $lock->trylock()),
        $other(fn () => $lock->unlock()),
        $lock->unlock(),
        $other(fn () => $lock->lock() && $lock->unlock()),
        $other(fn () => $lock->lock()), // and ends with it
        $other(fn () => $lock->lock()),
    ]), "\n";
    var_dump($lock->destroy());
    attempt(fn () => $lock->trylock());
}
attempt(fn () => new Skep\Lock(6));
attempt(fn () => new Skep\Lock(-1));
attempt(fn () => new Skep\Lock(PHP_INT_MAX));
attempt(fn () => new Skep\Lock(Skep\Lock::FILELOCK));
attempt(fn () => new Skep\Lock(Skep\Lock::MUTEX, '/tmp/x'));
attempt(fn () => new Skep\Lock(SWOOLE_FILELOCK, '/nowhere/at/all'));
attempt(fn () => new Skep\Lock(SWOOLE_FILELOCK, "/tmp/a\0b"));
attempt(fn () => new Skep\Lock(SWOOLE_FILELOCK, sys_get_temp_dir()));
$lock = new Skep\Lock(SWOOLE_MUTEX);
foreach ([0, LOCK_UN, 8, -1, LOCK_NB] as $operation) {
    var_dump($lock->lock($operation), $lock->errCode);
}
?>
--EXPECTF--
MUTEX: yes 0, no 16, no 16, no 110, no 110, no 35, yes 0, no 1
   shared: yes 0, no 16, no 110, no 16, no 110, unlocked, yes 0
   another process: 16 16 110 110 1 16
   shared: 16 16 1 1 0 0 0
NULL
Skep\Error(509): must call constructor first
RWLOCK: yes 0, no 16, no 16, no 35, no 35, no 35, yes 0, no 1
   shared: yes 0, yes 0, yes 0, no 16, no 110, unlocked, unlocked, unlocked, yes 0
   another process: 16 16 110 110 1 16
   shared: 0 16 1 1 0 0 0
NULL
Skep\Error(509): must call constructor first
SPINLOCK: yes 0, no 16, no 16, no 110, no 110, no 35, yes 0, no 1
   shared: yes 0, no 16, no 110, no 16, no 110, unlocked, yes 0
   another process: 16 16 110 110 1 16
   shared: 16 16 1 1 0 0 0
NULL
Skep\Error(509): must call constructor first
SEM: yes 0, no 16, no 16, no 110, no 110, no 35, yes 0, no 1
   shared: yes 0, no 16, no 110, no 16, no 110, unlocked, yes 0
   another process: 16 16 110 110 1 16
   shared: 16 16 1 1 0 0 0
NULL
Skep\Error(509): must call constructor first
FILELOCK: yes 0, no 16, no 16, no 110, no 110, no 35, yes 0, no 1
   shared: yes 0, yes 0, yes 0, no 16, no 110, unlocked, unlocked, unlocked, yes 0
   another process: 16 16 110 110 1 16
   shared: 0 16 1 1 0 0 0
NULL
Skep\Error(509): must call constructor first
Skep\Exception(6): lock type[6] is not support
Skep\Exception(-1): lock type[-1] is not support
Skep\Exception(-1): lock type[9223372036854775807] is not support
Skep\Exception(22): lock type[2] requires a file
Skep\Exception(22): lock type[3] does not take a file
Skep\Exception(2): failed to open lock file '/nowhere/at/all', Error: No such file or directory[2]
ValueError(0): Skep\Lock::__construct(): Argument #2 ($file) must not contain any null bytes
Skep\Exception(21): failed to open lock file '%s', Error: Is a directory[21]

Warning: Skep\Lock::lock(): lock operation[0] is not supported in %s on line %d
bool(false)
int(22)

Warning: Skep\Lock::lock(): lock operation[3] is not supported in %s on line %d
bool(false)
int(22)

Warning: Skep\Lock::lock(): lock operation[8] is not supported in %s on line %d
bool(false)
int(22)

Warning: Skep\Lock::lock(): lock operation[-1] is not supported in %s on line %d
bool(false)
int(22)

Warning: Skep\Lock::lock(): lock operation[4] is not supported in %s on line %d
bool(false)
int(22)
