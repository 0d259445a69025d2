--TEST--
Forked processes have random sequences of their own
--DESCRIPTION--
mt_rand() and lcg_value() are seeded anew in each child; the master goes on with its own.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
mt_srand(42);
mt_rand();
lcg_value();
$server = server(['worker_num' => 3]);
$server->on('workerStart', fn () => say('numbers ' . mt_rand() . ' ' . lcg_value()));
$server->on('managerStart', fn () => say('numbers ' . mt_rand() . ' ' . lcg_value()));
$server->on('start', fn () => say('master ' . mt_rand()));
$server->start();
PHP);
$run->expect('numbers', 4);
$run->expect('master');
$run->stop();
$numbers = array_map(fn ($line) => explode(' ', $line), $run->lines('numbers '));
var_dump(count(array_unique(array_column($numbers, 0))), count(array_unique(array_column($numbers, 1))));
mt_srand(42);
mt_rand();
var_dump((int)$run->lines('master ')[0] === mt_rand());
?>
--EXPECTF--
int(4)
int(4)
bool(true)
