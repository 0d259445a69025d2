--TEST--
Table: foreach visits every row once, also while rows are deleted and changed; the empty key is a key
--FILE--
<?php
use Skep\Table;

function table(int $rows): Table
{
    $table = new Table(1024);
    $table->column('n', Table::TYPE_INT);
    $table->column('s', Table::TYPE_STRING, 16);
    $table->create();
    for ($i = 0; $i < $rows; $i++) {
        $table->set($i ? "key$i" : '', ['n' => $i, 's' => "s$i"]);
    }
    return $table;
}

$table = table(0);
foreach ($table as $key => $row) {
    echo "never\n";
}
var_dump($table->valid(), $table->key(), $table->current());

$table = table(1100);
$seen = [];
foreach ($table as $key => $row) {
    $seen[$key] = $row;
}
ksort($seen);
var_dump(count($seen), $seen[''], $seen['key1099'], count($table));

// The current row is deleted, and others are changed in ways that move them.
$seen = [];
foreach ($table as $key => $row) {
    $seen[$row['n']] = true;
    $table->del($key);
    foreach ([17, 400, 1050] as $other) {
        if ($table->exist("key$other")) {
            $table->set("key$other", ['n' => $other, 's' => "again$other"]);
        }
    }
}
var_dump(count($seen), count($table));

// All others are deleted: only the row at hand is left, and is still what it was.
$table = table(100);
foreach ($table as $key => $row) {
    for ($i = 0; $i < 100; $i++) {
        if ($i !== $row['n']) {
            $table->del($i ? "key$i" : '');
        }
    }
    echo $table->key() === $key && $table->current() === $row ? "same\n" : "other\n";
}
// Rows that come meanwhile are visited at most once, and the walk ends.
$table = table(50);
$visits = [];
foreach ($table as $key => $row) {
    $visits[$key] = ($visits[$key] ?? 0) + 1;
    if (count($table) < 1000) {
        $table->set('more' . count($table), ['n' => -1]);
    }
}
var_dump(max($visits), count(array_filter(array_keys($visits), fn ($key) => !str_starts_with($key, 'more'))));
// By hand, and again from the start after a break.
$table->rewind();
$first = $table->key();
$table->next();
foreach ($table as $key => $row) {
    var_dump($key === $first);
    break;
}
?>
--EXPECT--
bool(false)
NULL
NULL
int(1100)
array(2) {
  ["n"]=>
  int(0)
  ["s"]=>
  string(2) "s0"
}
array(2) {
  ["n"]=>
  int(1099)
  ["s"]=>
  string(5) "s1099"
}
int(1100)
int(1100)
int(0)
same
int(1)
int(50)
bool(true)
