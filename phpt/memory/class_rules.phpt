--TEST--
Rules of Atomic, Atomic\Long and Lock: names, clone, serialize, properties, constructors, signatures
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

class Lazy extends Skep\Lock { public function __construct() {} }
class LazyCounter extends Skep\Atomic { public function __construct() {} }
class Own extends swoole_atomic { public $mine = 1; }

foreach (['Atomic' => 'swoole_atomic', 'Atomic\Long' => 'swoole_atomic_long', 'Lock' => 'swoole_lock'] as $name => $old) {
    $object = new ("Skep\\$name")();
    var_dump($object instanceof $old, is_a("Swoole\\$name", "Skep\\$name", true), get_class(new $old));
    attempt(fn () => clone $object);
    attempt(fn () => serialize($object));
    attempt(fn () => unserialize('O:' . strlen("Skep\\$name") . ":\"Skep\\$name\":0:{}"));
    attempt(fn () => $object->__construct());
    $object->foo = 1;
    unset($object->foo, $object->bar);
    echo (new ReflectionClass($object))->isFinal() ? "final\n" : "open\n";
}
attempt(function () { $lock = new Skep\Lock(); unset($lock->errCode); });
attempt(fn () => (new Lazy())->lock());
attempt(fn () => (new Lazy())->lock(99));
attempt(fn () => (new Lazy())->destroy());
attempt(fn () => (new LazyCounter())->add());
attempt(fn () => (new LazyCounter())->wait());
var_dump((new Own(3))->mine, (new Own(3))->add());

foreach (['Skep\Atomic', 'Skep\Atomic\Long', 'Skep\Lock'] as $class) {
    $class = new ReflectionClass($class);
    echo "class $class->name: ", json_encode($class->getConstants()), ' ', json_encode($class->getDefaultProperties()), "\n";
    foreach ($class->getMethods() as $method) {
        echo "$method->name(";
        echo implode(', ', array_map(function (ReflectionParameter $p) {
            return $p->getType() . ' $' . $p->name
                . ($p->isOptional() ? ' = ' . ($p->isDefaultValueConstant() ? $p->getDefaultValueConstantName() . ' = ' : '')
                    . var_export($p->getDefaultValue(), true) : '');
        }, $method->getParameters())), ')';
        echo $method->hasReturnType() ? ": {$method->getReturnType()}\n" : "\n";
    }
}
?>
--EXPECTF--
bool(true)
bool(true)
string(11) "Skep\Atomic"
Error(0): Trying to clone an uncloneable object of class Skep\Atomic
Exception(0): Serialization of 'Skep\Atomic' is not allowed
Exception(0): Unserialization of 'Skep\Atomic' is not allowed
Error(0): Constructor of Skep\Atomic can only be called once

Deprecated: Creation of dynamic property Skep\Atomic::$foo is deprecated in %s on line %d
open
bool(true)
bool(true)
string(16) "Skep\Atomic\Long"
Error(0): Trying to clone an uncloneable object of class Skep\Atomic\Long
Exception(0): Serialization of 'Skep\Atomic\Long' is not allowed
Exception(0): Unserialization of 'Skep\Atomic\Long' is not allowed
Error(0): Constructor of Skep\Atomic\Long can only be called once

Deprecated: Creation of dynamic property Skep\Atomic\Long::$foo is deprecated in %s on line %d
open
bool(true)
bool(true)
string(9) "Skep\Lock"
Error(0): Trying to clone an uncloneable object of class Skep\Lock
Exception(0): Serialization of 'Skep\Lock' is not allowed
Exception(0): Unserialization of 'Skep\Lock' is not allowed
Error(0): Constructor of Skep\Lock can only be called once

Deprecated: Creation of dynamic property Skep\Lock::$foo is deprecated in %s on line %d
open
Error(0): Property errCode of class Skep\Lock cannot be unset
Skep\Error(509): must call constructor first
Skep\Error(509): must call constructor first
Skep\Error(509): must call constructor first
Skep\Error(509): must call constructor first
Skep\Error(509): must call constructor first
int(1)
int(4)
class Skep\Atomic: [] []
__construct(int $value = 0)
add(int $add_value = 1): int
sub(int $sub_value = 1): int
get(): int
set(int $value): void
cmpset(int $cmp_value, int $new_value): bool
wait(float $timeout = 1.0): bool
wakeup(int $count = 1): bool
class Skep\Atomic\Long: [] []
__construct(int $value = 0)
add(int $add_value = 1): int
sub(int $sub_value = 1): int
get(): int
set(int $value): void
cmpset(int $cmp_value, int $new_value): bool
class Skep\Lock: {"MUTEX":3,"RWLOCK":1,"SPINLOCK":5,"FILELOCK":2,"SEM":4} {"errCode":0}
__construct(int $type = self::MUTEX = 3, string $file = '')
lock(int $operation = LOCK_EX = 2, float $timeout = -1): bool
trylock(): bool
lock_read(): bool
trylock_read(): bool
lockwait(float $timeout = 1.0): bool
unlock(): bool
destroy(): void
