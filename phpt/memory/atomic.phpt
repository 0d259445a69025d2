--TEST--
Atomic wraps at 32 bits without sign, Atomic\Long at 64 with sign; add and sub return the new value
--FILE--
<?php
require __DIR__ . '/../include/attempt.inc';
$atomic = new Skep\Atomic();
var_dump($atomic->get(), $atomic->sub(), $atomic->add(), $atomic->add(5), $atomic->sub(7), $atomic->add(2));
var_dump($atomic->set(-1), $atomic->get(), $atomic->cmpset(-1, 1 << 32), $atomic->get());
var_dump($atomic->cmpset(1, 2), $atomic->cmpset(0, 2), $atomic->get(), (new Skep\Atomic(0x1_2345_6789))->get());
var_dump($atomic->add(-3), $atomic->sub(-3), $atomic->add(PHP_INT_MAX));
echo "long\n";
$long = new Skep\Atomic\Long(PHP_INT_MAX);
var_dump($long->get(), $long->add(), $long->sub(), $long->sub(PHP_INT_MIN), $long->add(-1), $long->set(-1), $long->get());
var_dump($long->cmpset(0, 1), $long->cmpset(-1, PHP_INT_MIN), $long->get());
echo "errors\n";
foreach ([
    fn () => $atomic->add('x'),
    fn () => $atomic->set(),
    fn () => $atomic->cmpset(1),
    fn () => $long->wait(),
    fn () => new Skep\Atomic('x'),
    fn () => $atomic->add(1, 2),
] as $action) {
    attempt($action);
}
// Named arguments, numbers in texts.
var_dump($atomic->add(add_value: '4'), $atomic->sub(sub_value: 1.0), $atomic->cmpset(new_value: 9, cmp_value: $atomic->get()), $atomic->get());
// Independent of each other.
$many = [];
for ($i = 0; $i < 5000; $i++) {
    $many[] = new Skep\Atomic($i);
    $more[] = new Skep\Atomic\Long(-$i);
}
$sum = 0;
foreach ($many as $i => $one) {
    $sum += (int)($one->add() === $i + 1 && $more[$i]->sub() === -$i - 1);
}
var_dump($sum);
?>
--EXPECT--
int(0)
int(4294967295)
int(0)
int(5)
int(4294967294)
int(0)
NULL
int(4294967295)
bool(true)
int(0)
bool(false)
bool(true)
int(2)
int(591751049)
int(4294967295)
int(2)
int(1)
long
int(9223372036854775807)
int(-9223372036854775808)
int(9223372036854775807)
int(-1)
int(-2)
NULL
int(-1)
bool(false)
bool(true)
int(-9223372036854775808)
errors
TypeError: Skep\Atomic::add(): Argument #1 ($add_value) must be of type int, string given
ArgumentCountError: Skep\Atomic::set() expects exactly 1 argument, 0 given
ArgumentCountError: Skep\Atomic::cmpset() expects exactly 2 arguments, 1 given
Error: Call to undefined method Skep\Atomic\Long::wait()
TypeError: Skep\Atomic::__construct(): Argument #1 ($value) must be of type int, string given
ArgumentCountError: Skep\Atomic::add() expects at most 1 argument, 2 given
int(5)
int(4)
bool(true)
int(9)
int(5000)
