--TEST--
PHP's time limit works in workers; its signal is nothing to master and manager
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('managerStart', fn ($server) => say("manager $server->manager_pid"));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'loop') {
        set_time_limit(1);
        for (;;);
    }
    $server->send($fd, getmypid());
});
$server->start();
PHP);
$run->expect('manager ');
$manager = (int)$run->lines('manager ')[0];
$before = $run->ask('who');
foreach ([$run->pid, $manager] as $pid) {
    $run->kill(27, $pid);
}
var_dump($run->ask('who') === $before);
var_dump($run->ask('loop'));
$run->expectLog('Maximum execution time of 1 second exceeded');
$run->expectLog('abnormal exit, status=255, signal=0');
var_dump($run->ask('who') !== $before);
var_dump($run->stop());
?>
--EXPECT--
bool(true)
string(0) ""
bool(true)
int(0)
