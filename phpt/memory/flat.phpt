--TEST--
A million operations, and as many objects made and dropped, take no memory; nothing is left mapped
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

function resident(): int
{
    preg_match('/VmRSS:\s+(\d+)/', file_get_contents('/proc/self/status'), $found);
    return (int)$found[1];
}

function mappings(): int
{
    return count(file('/proc/self/maps'));
}

/** Run it for a warm-up, then for real; what has grown in between. */
function grown(callable $operation, int $times): string
{
    for ($i = 0; $i < 3000; $i++) {
        $operation();
    }
    [$before, $maps] = [resident(), mappings()];
    for ($i = 0; $i < $times; $i++) {
        $operation();
    }
    $grown = resident() - $before;
    $mapped = mappings() - $maps;
    return $grown < 512 && $mapped <= 2 ? 'flat' : "$grown KiB, $mapped mappings";
}

[$atomic, $long] = [new Skep\Atomic(), new Skep\Atomic\Long()];
echo 'atomic: ', grown(function () use ($atomic, $long) { $atomic->add(); $long->sub(); $atomic->cmpset(0, 1); $atomic->get(); $atomic->wakeup(); }, 1_000_000), "\n";
foreach (locks() as $kind => $lock) {
    echo "$kind: ", grown(function () use ($lock) { $lock->lock(); $lock->unlock(); $lock->trylock_read(); $lock->unlock(); }, $kind === 'FILELOCK' ? 100_000 : 1_000_000), "\n";
}
echo 'objects: ', grown(function () { new Skep\Atomic(); new Skep\Atomic\Long(1); new Skep\Lock(); new Skep\Lock(Skep\Lock::SPINLOCK); }, 250_000), "\n";
echo 'rwlocks: ', grown(function () { $lock = new Skep\Lock(Skep\Lock::RWLOCK); $lock->lock(); }, 20_000), "\n";
$file = tempnam(sys_get_temp_dir(), 'skep-lock-');
echo 'file locks: ', grown(function () use ($file) { $lock = new Skep\Lock(Skep\Lock::FILELOCK, $file); $lock->lock(); }, 20_000), "\n";
echo count(scandir('/proc/self/fd')) < 20 ? "no descriptors\n" : "descriptors left\n";
unlink($file);
// Forked in between: places that a child may know are not used again, and go with their mapping.
$forked = function () {
    $some = [];
    for ($i = 0; $i < 200; $i++) {
        $some[] = new Skep\Atomic($i);
    }
    reap(child(function () use ($some) { $own = new Skep\Atomic(1); exit($own->add() + $some[7]->get() === 9 ? 0 : 1); })) === 0 || die('wrong');
};
for ($i = 0; $i < 20; $i++) {
    $forked();
}
[$before, $maps] = [resident(), mappings()];
for ($i = 0; $i < 100; $i++) {
    $forked();
}
echo resident() - $before < 512 && mappings() - $maps <= 2 ? "forks: flat\n" : 'forks: ' . (resident() - $before) . ' KiB, ' . (mappings() - $maps) . " mappings\n";
echo preg_grep('~/dev/shm|/SYSV~', file('/proc/self/maps')) ? "named memory\n" : "nothing named\n";
?>
--EXPECT--
atomic: flat
MUTEX: flat
RWLOCK: flat
SPINLOCK: flat
SEM: flat
FILELOCK: flat
objects: flat
rwlocks: flat
file locks: flat
no descriptors
forks: flat
nothing named
