--TEST--
What was printed before start() is printed once
--DESCRIPTION--
Output buffers are flushed before the first fork.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
ob_start();
echo "before start\n";
$server = server(['worker_num' => 3]);
$server->on('workerStart', function ($server) { echo "worker $server->worker_id\n"; $server->worker_id === 0 && $server->shutdown(); });
$server->start();
echo "after start\n";
PHP);
$run->wait();
$lines = explode("\n", trim($run->output()));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECTF--
after start
before start
worker 0
worker 1
worker 2
