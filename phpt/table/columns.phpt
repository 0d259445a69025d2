--TEST--
Table: column() and create()
--DESCRIPTION--
A second column of the same name and a second create() are refused and change nothing; sizes as in version 1.9 are accepted.
--FILE--
<?php
use Skep\Table;

foreach ([-5, 0, 64, 65, 1000, PHP_INT_MAX] as $size) {
    echo (new Table($size))->getSize(), ' ';
}
echo "\n";
foreach ([-1.0, 0.2, 0.5, 1.0, 7.0, NAN] as $proportion) {
    $table = new Table(1000, $proportion);
    $table->create();
    echo $table->stats()['total_slice_num'], ' ';
}
echo "\n";

$table = new Table(64);
foreach ([1, 2, 4, 8, 0, -3, 99] as $size) {
    echo json_encode($table->column("int$size", Table::TYPE_INT, $size));
}
echo json_encode([$table->column('float', Table::TYPE_FLOAT), $table->column('float8', Table::TYPE_FLOAT, 8)]), "\n";
foreach ([0, -1] as $size) {
    var_dump($table->column('text', Table::TYPE_STRING, $size), swoole_last_error());
}
var_dump($table->column('text', Table::TYPE_STRING));
var_dump($table->column('text', Table::TYPE_STRING, 5));
$before = $table->getMemorySize();
var_dump($table->column('text', Table::TYPE_INT), swoole_last_error(), $table->getMemorySize() === $before);
foreach ([0, 4, 7, -1] as $type) {
    var_dump($table->column('other', $type));
}
var_dump($table->create(), $table->column('late', Table::TYPE_INT), swoole_last_error());
$table->set('k', ['int1' => PHP_INT_MAX, 'int2' => -70000, 'text' => 'abcdefgh']);
var_dump($table->create(), swoole_last_error());
echo json_encode($table->get('k')), "\n";

$table = new Table(64);
var_dump($table->create(), $table->set('a', []), $table->get('a'), $table->get('b'), count($table));

$table = new Table(1 << 31, 1.0);
var_dump($table->column('a', Table::TYPE_STRING, 1 << 30), $table->column('b', Table::TYPE_STRING, PHP_INT_MAX));
var_dump($table->create(), $table->size);
?>
--EXPECTF--
64 64 64 128 1024 2147483648 
1228 1228 1536 2048 2048 1228 
truetruetruetruetruetruetrue[true,true]

Warning: Skep\Table::column(): the length of string type values has to be more than zero in %s on line %d
bool(false)
int(503)

Warning: Skep\Table::column(): the length of string type values has to be more than zero in %s on line %d
bool(false)
int(503)

Warning: Skep\Table::column(): the length of string type values has to be more than zero in %s on line %d
bool(false)
bool(true)

Warning: Skep\Table::column(): column[text] has been added already in %s on line %d
bool(false)
int(503)
bool(true)
[%d-%d-%d %d:%d:%d %s.0]	WARNING	unknown column type
bool(false)
[%s]	WARNING	unknown column type
bool(false)
[%s]	WARNING	unknown column type
bool(false)
[%s]	WARNING	unknown column type
bool(false)

Warning: Skep\Table::column(): unable to add column after table has been created in %s on line %d
bool(true)
bool(false)
int(503)

Warning: Skep\Table::create(): unable to allocate memory in %s on line %d
bool(false)
int(503)
{"int1":9223372036854775807,"int2":-70000,"int4":0,"int8":0,"int0":0,"int-3":0,"int99":0,"float":0,"float8":0,"text":"abcdefgh"}
bool(true)
bool(true)
array(0) {
}
bool(false)
int(1)

Warning: Skep\Table::column(): the row is too large in %s on line %d
bool(true)
bool(false)

Warning: Skep\Table::create(): unable to allocate memory in %s on line %d
bool(false)
NULL
