--TEST--
Table: set(), get(), exist(), del()
--DESCRIPTION--
Values are converted as PHP does; what a conversion does to the table meanwhile harms nothing.
--FILE--
<?php
use Skep\Table;

function table(): Table
{
    $table = new Table(64);
    $table->column('n', Table::TYPE_INT);
    $table->column('f', Table::TYPE_FLOAT);
    $table->column('s', Table::TYPE_STRING, 10);
    $table->column('7', Table::TYPE_INT);
    $table->create();
    return $table;
}

$table = table();
var_dump($table->get('k'), $table->get('k', 'n'), $table->exist('k'), $table->exists('k'), $table->del('k'), $table->delete('k'));
var_dump($table->set('k', ['n' => 5, 'unknown' => 1, 3 => 4]));
echo json_encode($table->get('k')), "\n";
var_dump($table->set('k', ['s' => 'text', 7 => 8]), $table->exist('k'), $table->exists('k'));
echo json_encode($table->get('k')), "\n";
var_dump($table->get('k', 'n'), $table->get('k', 'f'), $table->get('k', 's'), $table->get('k', '7'), $table->get('k', 'zz'), $table->get('k', null));
var_dump($table->del('k'), $table->del('k'), $table->set('k', []), $table->get('k', 's'), $table->delete('k'));

echo "-- numbers\n";
foreach ([['12', '1.5', 12], [1.9, 2, 1.25], [true, false, null], [null, '5 apples', false], [PHP_INT_MIN, -0.0, true]] as [$n, $f, $s]) {
    $table->set('k', ['n' => &$n, 'f' => $f, 's' => $s]);
    var_dump($table->get('k', 'n'), $table->get('k', 'f'), $table->get('k', 's'));
}
$table->set('k', ['f' => INF, 's' => "\0\xff"]);
var_dump($table->get('k', 'f'), bin2hex($table->get('k', 's')));
$table->set('k', ['s' => ['array']]);
var_dump($table->get('k', 's'));

echo "-- long texts\n";
$table->set('k', ['s' => str_repeat('x', 16)]);
var_dump($table->set('k', ['s' => str_repeat('y', 17)]), $table->get('k', 's'));

echo "-- keys\n";
foreach (['', "\0", 'a b', str_repeat('k', 63)] as $key) {
    var_dump($table->set($key, ['n' => strlen($key)]), $table->get($key, 'n'));
}
$long = str_repeat('k', 63) . 'abc';
var_dump($table->set($long, ['n' => 1]), swoole_last_error(), $table->get($long, 'n'), $table->get(substr($long, 0, 63), 'n'));
var_dump($table->exist($long), $table->del($long), $table->exist($long));
$table->set(5, ['n' => 1]);
var_dump($table->get('5', 'n'));

echo "-- conversions\n";
class Text
{
    public function __construct(private Closure $do)
    {
    }

    public function __toString(): string
    {
        return ($this->do)();
    }
}
$table = table();
$table->set('k', ['s' => new Text(fn () => $table->set('k', ['n' => 3, 's' => 'inner']) ? 'outer' : ''), '7' => 7]);
echo json_encode($table->get('k')), "\n";
foreach ([fn () => throw new Exception('not now'), fn () => $table->destroy() . 'x'] as $do) {
    try {
        var_dump($table->set('k', ['n' => 9, 's' => new Text($do)]));
    } catch (Throwable $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}
set_error_handler(function ($level, $text) use (&$table) {
    echo "handler: $text\n";
    $table->destroy();
    return true;
});
$table = table();
try {
    var_dump($table->set(str_repeat('k', 64), ['n' => 1]));
} catch (Throwable $e) {
    echo get_class($e), ': ', $e->getMessage(), "\n";
}
$table = table();
try {
    var_dump($table->incr('k', 's'));
    var_dump($table->incr('k', 'n'));
} catch (Throwable $e) {
    echo get_class($e), ': ', $e->getMessage(), "\n";
}
restore_error_handler();

echo "-- many columns\n";
$table = new Table(64);
$row = [];
for ($i = 0; $i < 40; $i++) {
    $table->column("c$i", $i % 2 ? Table::TYPE_INT : Table::TYPE_STRING, 8);
    $row["c$i"] = $i % 2 ? $i : (object)[];
}
$table->create();
foreach ($row as $name => $value) {
    $row[$name] = is_int($value) ? $value : new Text(fn () => $name);
}
$table->set('k', $row);
echo md5(json_encode($table->get('k'))) === md5(json_encode(array_map(fn ($v) => is_int($v) ? $v : (string)$v, $row))) ? "same\n" : "other\n";
?>
--EXPECTF--
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)
bool(true)
{"n":5,"f":0,"s":"","7":0}
bool(true)
bool(true)
bool(true)
{"n":5,"f":0,"s":"text","7":8}
int(5)
float(0)
string(4) "text"
int(8)
bool(false)
array(4) {
  ["n"]=>
  int(5)
  ["f"]=>
  float(0)
  ["s"]=>
  string(4) "text"
  [7]=>
  int(8)
}
bool(true)
bool(false)
bool(true)
string(0) ""
bool(true)
-- numbers
int(12)
float(1.5)
string(2) "12"
int(1)
float(2)
string(4) "1.25"
int(1)
float(0)
string(0) ""
int(0)
float(5)
string(0) ""
int(-9223372036854775808)
float(-0)
string(1) "1"
float(INF)
string(4) "00ff"

Warning: Array to string conversion in %s on line %d
string(5) "Array"
-- long texts
[%s]	WARNING	[key=k,field=s]string value is too long
bool(true)
string(16) "yyyyyyyyyyyyyyyy"
-- keys
bool(true)
int(0)
bool(true)
int(1)
bool(true)
int(3)
bool(true)
int(63)

Warning: Skep\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkabc] is too long in %s on line %d
bool(true)
int(503)
int(1)
int(1)
bool(true)
bool(true)
bool(false)
int(1)
-- conversions
{"n":3,"f":0,"s":"outer","7":7}
Exception: not now
Skep\Error: must call constructor first
handler: Skep\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk] is too long
Skep\Error: must call constructor first
handler: Skep\Table::incr(): can't execute 'incr' on a string type column
bool(false)
Skep\Error: must call constructor first
-- many columns
same
