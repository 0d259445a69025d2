--TEST--
Table: a million operations leave the memory of the process and of the table as they were
--FILE--
<?php
use Skep\Table;

function resident(): int
{
    return (int)explode(' ', file_get_contents('/proc/self/statm'))[1] * 4096;
}

$table = new Table(1024);
$table->column('n', Table::TYPE_INT);
$table->column('s', Table::TYPE_STRING, 100);
$table->create();
$round = function (int $operations) use ($table) {
    for ($i = 0; $i < $operations; $i += 8) {
        $key = 'k' . $i % 1000;
        $table->set($key, ['n' => $i, 's' => str_repeat('x', $i % 100)]);
        $table->get($key);
        $table->get($key, 's');
        $table->incr($key, 'n');
        $table->set($key, ['n' => 5]);
        $table->exist($key);
        $table->set("other$key", ['s' => $key]);
        $table->del($i % 3 ? $key : "other$key");
        if ($i % 10000 === 0) {
            foreach ($table as $key => $row) {
                $table->del($key);
            }
            $table->stats();
        }
    }
};
$round(100000);
gc_collect_cycles();
[$php, $all] = [memory_get_usage(), resident()];
$round(1000000);
gc_collect_cycles();
$more = memory_get_usage() - $php;
echo 'PHP: ', $more < 1024 ? 'flat' : $more, "\n";
echo 'resident: ', resident() - $all <= 256 * 1024 ? 'flat' : resident() - $all, "\n";

// Tables that are gone give back what they had: mapping and all.
$make = function () {
    $table = new Table(1024);
    $table->column('s', Table::TYPE_STRING, 1000);
    $table->create();
    for ($i = 0; $i < 1000; $i++) {
        $table->set("k$i", ['s' => 'x']);
    }
    return $table;
};
$make();
$make()->destroy();
[$php, $all] = [memory_get_usage(), resident()];
for ($i = 0; $i < 50; $i++) {
    $i % 2 ? $make() : $make()->destroy();
}
$more = memory_get_usage() - $php;
echo 'PHP: ', $more < 1024 ? 'flat' : $more, "\n";
echo 'resident: ', resident() - $all <= 256 * 1024 ? 'flat' : resident() - $all, "\n";
?>
--EXPECT--
PHP: flat
resident: flat
PHP: flat
resident: flat
