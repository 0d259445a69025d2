--TEST--
Finish callbacks and the garbage collector
--DESCRIPTION--
A callable that only its task holds survives collections, also one that refers to itself and to the server; memory does not
grow with the number of tasks that had one.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['task_worker_num' => 1]);
$server->on('task', fn ($server, $id, $source, $data) => $data === 'none' ? null : $data);
$server->on('receive', function ($server, $fd) {
    $round = 0;
    $again = function () use (&$again, &$round, $server, $fd) {
        gc_collect_cycles();
        if (++$round === 200) {
            $server->send($fd, 'done');
            return;
        }
        if ($round === 50) {
            $GLOBALS['before'] = memory_get_usage();
        }
        for ($i = 0; $i < 20; $i++) {
            $cycle = new stdClass;
            $cycle->self = $cycle;
            $server->task($i % 2 ? 'none' : 'x', -1, function () use ($cycle, $server) { $cycle->seen = true; });
        }
        $server->task('x', -1, function () use (&$again) { $again(); });
    };
    $again();
});
$server->on('close', function ($server) {
    gc_collect_cycles();
    $grown = memory_get_usage() - $GLOBALS['before'];
    say($grown < 20000 ? 'flat' : "grown by $grown");
});
$server->start();
PHP);
echo $run->ask('go'), "\n";
$run->expect('flat');
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
done
exit code 0
flat
