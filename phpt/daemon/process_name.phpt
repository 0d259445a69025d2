--TEST--
Process titles: by setting, and by function in every process
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

function title(int $pid): string
{
    return rtrim((string)file_get_contents("/proc/$pid/cmdline"), "\0");
}

$run = serve(<<<'PHP'
$server = server(['process_title' => true]);
$server->on('workerStart', fn ($server) => say("pids $server->master_pid $server->manager_pid " . getmypid()));
$server->start();
PHP);
$run->expect('pids ');
$pids = array_map('intval', explode(' ', $run->lines('pids ')[0]));
// The harness finds processes by their command lines, which are gone: the pids will do.
foreach ($pids as $pid) {
    eventually(fn () => str_starts_with(title($pid), 'skep: '));
    echo title($pid), "\n";
}
echo $run->stop(), ' ', count(array_filter($pids, fn ($pid) => is_dir("/proc/$pid"))), "\n";

$run = serve(<<<'PHP'
$server = server();
$server->on('start', fn () => say('named ' . getmypid() . ' ' . var_export(swoole_set_process_name('my master of all'), true)));
$server->on('managerStart', fn () => say('named ' . getmypid() . ' ' . var_export(skep_set_process_name('my manager of all'), true)));
$server->on('workerStart', fn () => say('named ' . getmypid() . ' ' . var_export(swoole_set_process_name('my worker of all'), true)));
$server->start();
PHP);
$run->expect('named ', 3);
$titles = [];
foreach ($run->lines('named ') as $line) {
    [$pid, $result] = explode(' ', $line);
    $titles[] = title((int)$pid) . " $result";
}
sort($titles);
echo implode("\n", $titles), "\n", $run->stop(), "\n";
?>
--EXPECT--
skep: master
skep: manager
skep: worker 0
0 0
my manager of all true
my master of all true
my worker of all true
0
