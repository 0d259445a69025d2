--TEST--
set_exception_handler gets what a callback throws
--DESCRIPTION--
It runs instead of PHP's own message, in the worker, and the worker still ends with 255.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('throw new LogicException("boom");', 'set_exception_handler(function ($e) { global $role; say(get_class($e) . " handled in $role"); });');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
LogicException handled in worker
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
