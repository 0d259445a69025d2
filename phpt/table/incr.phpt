--TEST--
Table: incr() and decr()
--FILE--
<?php
use Skep\Table;

$table = new Table(64);
$table->column('n', Table::TYPE_INT);
$table->column('f', Table::TYPE_FLOAT);
$table->column('s', Table::TYPE_STRING, 8);
$table->create();
var_dump($table->incr('new', 'n'), $table->incr('new', 'n', 5), $table->decr('new', 'n', 2), $table->decr('new', 'n'));
var_dump($table->incr('f', 'f', 1.5), $table->incr('f', 'f'), $table->decr('f', 'f', 0.25), $table->incr('f', 'n', -3));
var_dump($table->decr('below', 'n'), $table->incr('text', 'n', '7'));
echo json_encode($table->get('f')), count($table), "\n";
$table->set('new', ['n' => PHP_INT_MAX, 's' => 'stays']);
var_dump($table->incr('new', 'n'), $table->get('new', 's'));
var_dump($table->incr('new', 's'), swoole_last_error(), $table->decr('new', 's'));
var_dump($table->incr('none', 'zz'), swoole_last_error(), $table->decr('none', 'zz'), $table->exist('none'));
var_dump($table->incr(str_repeat('x', 70), 'n'), $table->get(str_repeat('x', 63), 'n'));
try {
    $table->incr('new', 'n', 'many');
} catch (TypeError $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECTF--
int(1)
int(6)
int(4)
int(3)
float(1.5)
float(2.5)
float(2.25)
int(-3)
int(-1)
int(7)
{"n":-3,"f":2.25,"s":""}4
int(-9223372036854775808)
string(5) "stays"

Warning: Skep\Table::incr(): can't execute 'incr' on a string type column in %s on line %d

Warning: Skep\Table::decr(): can't execute 'decr' on a string type column in %s on line %d
bool(false)
int(503)
bool(false)

Warning: Skep\Table::incr(): column[zz] does not exist in %s on line %d

Warning: Skep\Table::decr(): column[zz] does not exist in %s on line %d
bool(false)
int(503)
bool(false)
bool(false)

Warning: Skep\Table::incr(): key[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx] is too long in %s on line %d
int(1)
int(1)
Skep\Table::incr(): Argument #3 ($incrby) must be of type int|float, string given
