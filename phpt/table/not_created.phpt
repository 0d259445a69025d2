--TEST--
Table: rows before create() end the script
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (["set('k', [])", "get('k')", "exist('k')", "del('k')", "incr('k', 'n')", 'rewind()'] as $method) {
    $run = serve('$table = new Skep\Table(64); $table->column("n", 1); echo "before\n"; $table->' . $method . '; echo "after\n";');
    echo $method, ': exit code ', $run->wait(), ', ', preg_replace('/ in \/.*/', '', trim(preg_replace('/\s+/', ' ', $run->output()))), "\n";
}
?>
--EXPECT--
set('k', []): exit code 255, before Fatal error: Skep\Table::set(): table is not created or has been destroyed
get('k'): exit code 255, before Fatal error: Skep\Table::get(): table is not created or has been destroyed
exist('k'): exit code 255, before Fatal error: Skep\Table::exist(): table is not created or has been destroyed
del('k'): exit code 255, before Fatal error: Skep\Table::del(): table is not created or has been destroyed
incr('k', 'n'): exit code 255, before Fatal error: Skep\Table::incr(): table is not created or has been destroyed
rewind(): exit code 255, before Fatal error: Skep\Table::rewind(): table is not created or has been destroyed
