--TEST--
An exception that leaves a callback ends the worker with 255
--DESCRIPTION--
The worker must not go on in an unknown state, nor run onWorkerStop or code after start(); the next one must serve.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('throw new LogicException("boom");');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
Fatal error: Uncaught LogicException: boom in %s/server.php:12
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
*0 ERROR receive() (ERRNO 503): Fatal error: Uncaught LogicException: boom in %s/server.php:12
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=255, signal=0
