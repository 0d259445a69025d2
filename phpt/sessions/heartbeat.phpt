--TEST--
heartbeat() and the settings around it
--DESCRIPTION--
A silent session is closed by its reactor; heartbeat() closes by default, and is false where there is no heartbeat.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('receive', fn ($server, $fd) => $server->send($fd, json_encode([$server->heartbeat(), $server->getLastError()])));
$server->start();
PHP);
echo $run->ask('x'), "\nexit code ", $run->stop(), "\n";

$run = serve(<<<'PHP'
$server = server();
$server->set(['heartbeat_check_interval' => 1, 'heartbeat_idle_time' => 2]);
$server->on('receive', fn ($server, $fd) => $server->send($fd, json_encode($server->heartbeat())));
$server->on('close', fn ($server, $fd, $reactor) => say("$fd closed by $reactor"));
$server->start();
PHP);
$client = $run->connect();
$begin = microtime(true);
fwrite($client, 'x');
echo fread($client, 100), "\n";
var_dump(stream_get_contents($client), microtime(true) - $begin > 1.9);
$run->expect('1 closed by 0');
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
[false,509]
exit code 0
[]
string(0) ""
bool(true)
exit code 0
1 closed by 0
