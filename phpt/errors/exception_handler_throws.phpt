--TEST--
An exception handler that throws is reported itself
--DESCRIPTION--
PHP prints what the handler threw.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('throw new LogicException("boom");', 'set_exception_handler(function ($e) { throw new Exception("worse"); });');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
Fatal error: Uncaught Exception: worse in %s/server.php:16
Stack trace:
#0 [internal function]: {closure}(Object(LogicException))
#1 %s/server.php(18): Skep\Server->start()
#2 {main}
  thrown in %s/server.php on line 16
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
