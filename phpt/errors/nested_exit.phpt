--TEST--
exit() in onClose inside close() ends the worker
--DESCRIPTION--
Nothing after close() runs, not even finally.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('try { $server->close($fd); say("not here"); } finally { say("nor here"); }', '$server->on("close", function ($server, $fd, $reactor) { if ($reactor < 0) { exit(4); } });');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
worker stops
shutdown function of worker
worker error 4 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 NOTICE receive() (ERRNO 9003): worker process is terminated by exit()/die()
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=4, signal=0
