--TEST--
A fatal error in onClose inside close() ends the worker
--DESCRIPTION--
The longjmp passes two guarded calls.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('$server->close($fd); say("not here");', '$server->on("close", function ($server, $fd, $reactor) { if ($reactor < 0) { trigger_error("deep", E_USER_ERROR); } });');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
Fatal error: deep in %s/server.php on line 16
shutdown function of worker
worker error 255 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 ERROR close() (ERRNO 503): Fatal error: deep in %s/server.php on line 16
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=255, signal=0
