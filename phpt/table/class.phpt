--TEST--
Table: names, constants, signatures, properties, and what cannot be done with its objects
--FILE--
<?php
require __DIR__ . '/../include/attempt.inc';

class Lazy extends Skep\Table
{
    public function __construct()
    {
    }
}

echo implode(' ', array_map(fn ($name) => (new ReflectionClass($name))->getName(), ['Swoole\Table', 'swoole_table'])), "\n";
echo json_encode((new ReflectionClass('Skep\Table'))->getConstants()), "\n";
echo implode(' ', array_keys(class_implements('Skep\Table'))), "\n";
foreach ((new ReflectionClass('Skep\Table'))->getMethods() as $method) {
    $parameters = array_map(fn ($p) => trim("{$p->getType()} \${$p->getName()}")
        . ($p->isOptional() ? ' = ' . json_encode($p->getDefaultValue()) : ''), $method->getParameters());
    $returns = $method->getReturnType() ?? $method->getTentativeReturnType();
    echo $method->getName(), '(', implode(', ', $parameters), ')', $returns ? ": $returns" : '', "\n";
}

$table = new swoole_table(100);
(function (\Swoole\Table $t) { echo "hinted\n"; })($table);
var_dump($table->size, $table->memorySize, $table->getSize());
$table->column('n', swoole_table::TYPE_INT);
$before = $table->getMemorySize();
$table->create();
var_dump($table->size, $table->memorySize === $before, $table->memorySize > 128 * 8, $table->getSize(), count($table));

attempt(fn () => clone $table);
attempt(fn () => serialize($table));
attempt(fn () => unserialize('O:10:"Skep\Table":0:{}'));
attempt(function () use ($table) { unset($table->size); });
attempt(function () use ($table) { $table->foo = 1; });
attempt(fn () => $table->__construct(64));
attempt(fn () => new Skep\Table());
attempt(fn () => new Skep\Table('many'));
foreach (['column' => ['n', 1], 'create' => [], 'set' => ['k', []], 'get' => ['k'], 'del' => ['k'], 'incr' => ['k', 'n'],
    'count' => [], 'stats' => [], 'getSize' => [], 'getMemorySize' => [], 'rewind' => [], 'valid' => [], 'destroy' => []] as $name => $args) {
    attempt(fn () => (new Lazy())->$name(...$args));
}
var_dump($table->destroy());
attempt(fn () => $table->destroy());
attempt(fn () => $table->get('k'));
attempt(fn () => $table->count());
?>
--EXPECTF--
Skep\Table Skep\Table
{"TYPE_INT":1,"TYPE_STRING":3,"TYPE_FLOAT":2}
Iterator Traversable Countable
__construct(int $table_size, float $conflict_proportion = 0.2)
column(string $name, int $type, int $size = 0): bool
create(): bool
destroy(): bool
set(string $key, array $value): bool
get(string $key, ?string $field = null): mixed
count(): int
del(string $key): bool
delete(string $key): bool
exists(string $key): bool
exist(string $key): bool
incr(string $key, string $column, int|float $incrby = 1): int|float|false
decr(string $key, string $column, int|float $incrby = 1): int|float|false
getSize(): int
getMemorySize(): int
stats(): array|false
rewind(): void
valid(): bool
next(): void
current(): mixed
key(): mixed
hinted
NULL
NULL
int(128)
int(128)
bool(true)
bool(true)
int(128)
int(0)
Error: Trying to clone an uncloneable object of class Skep\Table
Exception: Serialization of 'Skep\Table' is not allowed
Exception: Unserialization of 'Skep\Table' is not allowed
Error: Property size of class Skep\Table cannot be unset

Deprecated: Creation of dynamic property Skep\Table::$foo is deprecated in %s on line %d
no error
Error: Constructor of Skep\Table can only be called once
ArgumentCountError: Skep\Table::__construct() expects at least 1 argument, 0 given
TypeError: Skep\Table::__construct(): Argument #1 ($table_size) must be of type int, string given
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
bool(true)
Skep\Error: must call constructor first
Skep\Error: must call constructor first
Skep\Error: must call constructor first
