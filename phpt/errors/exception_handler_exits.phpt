--TEST--
An exception handler that calls exit() decides the code
--DESCRIPTION--
As in a plain script.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('throw new LogicException("boom");', 'set_exception_handler(function ($e) { exit(7); });');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
worker stops
shutdown function of worker
worker error 7 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 ERROR receive() (ERRNO 503): Fatal error: Uncaught LogicException: boom in %s/server.php:12
*0 NOTICE receive() (ERRNO 9003): worker process is terminated by exit()/die()
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=7, signal=0
