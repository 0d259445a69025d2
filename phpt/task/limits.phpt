--TEST--
B13: what waits for task workers is bounded, in number and in bytes: false and 2002 beyond, 2001 for one that never fits
--DESCRIPTION--
R31. 200 000 tasks of 1 kB to one slow task worker stay below the default of 256 MiB, in shared memory: the worker itself
does not grow.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (["'task_queue_max_num' => 10", "'task_queue_max_bytes' => '1M'", "'worker_num' => 1"] as $settings) {
    $run = serve(<<<PHP
    \$server = server(['task_worker_num' => 1, 'max_wait_time' => 30, $settings]);
    \$server->on('task', function (\$server, \$id, \$source, \$data) {
        while (!file_exists(getenv('SKEP_DIR') . '/go')) {
            usleep(2000);
        }
    });
    \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) {
        [\$count, \$length] = json_decode(\$data);
        if (!\$server->stats()['task_count']) {
            \$server->task('one to be at work');
            while (!\$server->stats()['tasks_at_work']) {
                usleep(2000);
            }
        }
        swoole_clear_error();
        \$before = memory_get_usage();
        for (\$given = 0; \$given < \$count && \$server->task(str_repeat('x', \$length)) !== false; \$given++) {
        }
        \$code = \$server->getLastError();
        \$server->send(\$fd, json_encode([\$given, \$code, memory_get_usage() - \$before < 100000, \$server->stats()['tasking_num']]));
    });
    \$server->start();
    PHP);
    foreach ([[200000, 1000], [1, 600000], [1, 1200000]] as [$count, $length]) {
        [$given, $code, $flat, $waiting] = json_decode($run->ask(json_encode([$count, $length])));
        printf("%s: %d of %d kB: %s given, %d, %s, %s\n", $settings, $count, $length / 1000,
            match (true) { $given >= 850 && $given <= 1048 => 'some hundred', default => $given },
            $code, $flat ? 'flat' : 'grown', $given <= $waiting + 1 ? 'and waiting' : "but $waiting wait");
    }
    touch($run->path('go'));
    echo 'exit code ', $run->stop(), "\n";
}
?>
--EXPECT--
'task_queue_max_num' => 10: 200000 of 1 kB: 10 given, 2002, flat, and waiting
'task_queue_max_num' => 10: 1 of 600 kB: 0 given, 2002, flat, and waiting
'task_queue_max_num' => 10: 1 of 1200 kB: 0 given, 2002, flat, and waiting
exit code 0
'task_queue_max_bytes' => '1M': 200000 of 1 kB: some hundred given, 2002, flat, and waiting
'task_queue_max_bytes' => '1M': 1 of 600 kB: 1 given, 0, flat, and waiting
'task_queue_max_bytes' => '1M': 1 of 1200 kB: 0 given, 2001, flat, and waiting
exit code 0
'worker_num' => 1: 200000 of 1 kB: 200000 given, 0, flat, and waiting
'worker_num' => 1: 1 of 600 kB: 1 given, 0, flat, and waiting
'worker_num' => 1: 1 of 1200 kB: 1 given, 0, flat, and waiting
exit code 0
