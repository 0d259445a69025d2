--TEST--
What a child makes is its own; what its parent made before is common, and is never another object's
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

$common = new Skep\Atomic(1);
$dropped = new Skep\Atomic(100);
$go = new Skep\Atomic();
$child = child(function () use ($common, $dropped, $go) {
    eventually(fn () => $go->get());
    $own = [];
    for ($i = 0; $i < 3000; $i++) {
        $own[] = new Skep\Atomic(7); // must not be in a place that the parent uses for something new
    }
    $common->add();
    exit($dropped->get() === 100 && array_sum(array_map(fn ($a) => $a->get(), $own)) === 21000 ? 0 : 1);
});
unset($dropped); // the child still has it
$new = [];
for ($i = 0; $i < 3000; $i++) {
    $new[] = new Skep\Atomic(9);
}
$go->set(1);
var_dump(reap($child), $common->get(), array_sum(array_map(fn ($a) => $a->get(), $new)));

// Three generations count on the same word, and each on one of its own.
$deep = function (int $left) use (&$deep, $common): int {
    $own = new Skep\Atomic($left);
    $common->add();
    $below = $left ? reap(child(fn () => exit($deep($left - 1)))) : 0;
    return $own->get() === $left ? $below : 1;
};
var_dump($deep(3), $common->get());
?>
--EXPECT--
int(0)
int(2)
int(27000)
int(0)
int(6)
