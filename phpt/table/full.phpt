--TEST--
Table: at least as many rows fit as were asked for; stats() says how full it is
--FILE--
<?php
use Skep\Table;

// Sequential keys and arbitrary ones, several seeds of the hash each.
for ($round = 0; $round < 20; $round++) {
    foreach ([64, 100, 1024] as $size) {
        $table = new Table($size);
        $table->column('n', Table::TYPE_INT);
        $table->create();
        for ($i = 0; $i < $table->size; $i++) {
            if (!$table->set($round % 2 ? (string)$i : random_bytes(9), ['n' => $i])) {
                echo "refused the row $i of $size\n";
                break 2;
            }
        }
    }
}

$table = new Table(64);
$table->column('n', Table::TYPE_INT);
$table->create();
echo json_encode($table->stats()), "\n";
$fit = 0;
while (@$table->set("x$fit", ['n' => $fit])) {
    $fit++;
}
var_dump($fit >= 76, $table->set("x$fit", ['n' => 1]), swoole_last_error(), $table->incr('more', 'n'));
$stats = $table->stats();
echo implode(' ', array_keys($stats)), "\n";
var_dump($stats['num'] === $fit && $fit === count($table), $stats['conflict_count'] > 0, $stats['conflict_max_level'] > 0);
var_dump($stats['insert_count'] === $fit, $stats['update_count'], $stats['delete_count'], $stats['available_slice_num'], $stats['total_slice_num']);
// Full, and rows can still be changed, and their room used again.
for ($i = 0; $i < $fit; $i++) {
    $table->set("x$i", ['n' => $table->get("x$i", 'n') * 2]);
}
var_dump($table->del('x9'), $table->set('other', ['n' => 5]));
$sum = 0;
foreach ($table as $row) {
    $sum += $row['n'];
}
var_dump($sum === $fit * ($fit - 1) - 18 + 5);
foreach ($table as $key => $row) {
    $table->del($key);
}
echo json_encode(array_diff_key($table->stats(), ['insert_count' => 1, 'update_count' => 1, 'delete_count' => 1])), "\n";
var_dump((new Table(64))->stats(), count(new Table(64)));
?>
--EXPECTF--
{"num":0,"conflict_count":0,"conflict_max_level":0,"insert_count":0,"update_count":0,"delete_count":0,"available_slice_num":76,"total_slice_num":76}

Warning: Skep\Table::set(): failed to set('x%d'), unable to allocate memory in %s on line %d

Warning: Skep\Table::incr(): failed to incr('more'), unable to allocate memory in %s on line %d
bool(true)
bool(false)
int(510)
bool(false)
num conflict_count conflict_max_level insert_count update_count delete_count available_slice_num total_slice_num
bool(true)
bool(true)
bool(true)
bool(true)
int(0)
int(0)
int(0)
int(76)
bool(true)
bool(true)
bool(true)
{"num":0,"conflict_count":0,"conflict_max_level":0,"available_slice_num":76,"total_slice_num":76}
bool(false)
int(0)
