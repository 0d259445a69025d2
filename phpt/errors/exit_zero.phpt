--TEST--
exit(0) in a callback ends the worker without an error
--DESCRIPTION--
The request at work is lost and its connection closed; onWorkerError is not called for code 0.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('exit(0);');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
worker stops
shutdown function of worker
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 NOTICE receive() (ERRNO 9003): worker process is terminated by exit()/die()
