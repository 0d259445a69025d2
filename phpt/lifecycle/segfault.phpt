--TEST--
A segmentation fault in a callback costs one worker and no other connection
--SKIPIF--
<?php
if (!function_exists('posix_kill') && !is_executable('/bin/kill') && !is_executable('/usr/bin/kill')) {
    die('skip neither posix nor a program named kill');
}
?>
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
function crash(): void
{
    if (function_exists('posix_kill')) {
        posix_kill(getmypid(), SIGSEGV);
    }
    proc_close(proc_open(['kill', '-SEGV', (string)getmypid()], [], $pipes));
}
$server = server(['worker_num' => 2, 'dispatch_mode' => 2]);
$server->on('workerStart', fn ($server, $id) => say("start $id"));
$server->on('workerError', fn ($server, $id, $pid, $code, $signal, $details) => say("error $id: $code {$details['signal_name']} in {$details['callback']}"));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $data === 'crash' && crash();
    $server->send($fd, "worker $server->worker_id got $data");
});
$server->start();
PHP);
$run->expect('start ', 2);
$clients = [];
for ($i = 0; $i < 6; $i++) {
    $clients[$i] = $run->connect();
    fwrite($clients[$i], 'hello');
    $owner[$i] = fread($clients[$i], 100);
}
$victim = array_shift($clients);
fwrite($victim, 'crash');
var_dump(fread($victim, 100), feof($victim));
$run->expect('error ');
$kept = 0;
foreach ($clients as $i => $client) {
    fwrite($client, 'hello');
    $kept += fread($client, 100) === $owner[$i + 1];
}
var_dump($kept, count(array_unique($owner)));
echo 'exit code ', $run->stop(), "\n", implode("\n", preg_grep('/error/', $run->lines(''))), "\n";
?>
--EXPECTF--
string(0) ""
bool(true)
int(5)
int(2)
exit code 0
error %d: 0 SIGSEGV in onReceive
