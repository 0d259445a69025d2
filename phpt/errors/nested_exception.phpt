--TEST--
An exception in onClose inside close() comes out of close()
--DESCRIPTION--
The script may catch it there, and the worker goes on; uncaught, it ends the worker.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('try { $server->close($fd); say("not here"); } catch (LogicException $e) { say("caught " . $e->getMessage()); } $server->close($fd) || say("closed before"); throw new Exception("outer");', '$server->on("close", function ($server, $fd, $reactor) { if ($reactor < 0) { throw new LogicException("from onClose"); } });');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
caught from onClose
closed before
Fatal error: Uncaught Exception: outer in %s/server.php:12
Stack trace:
#0 [internal function]: {closure}(Object(Skep\Server), 1, 0, 'go')
#1 %s/server.php(18): Skep\Server->start()
#2 {main}
  thrown in %s/server.php on line 12
worker stops
shutdown function of worker
worker error 255 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 ERROR receive() (ERRNO 503): Fatal error: Uncaught Exception: outer in %s/server.php:12
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=255, signal=0
