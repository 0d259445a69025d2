--TEST--
exit(3) in a callback ends the worker with 3
--DESCRIPTION--
Shutdown functions run, catch and finally around start() do not.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('exit(3);');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
worker stops
shutdown function of worker
worker error 3 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 NOTICE receive() (ERRNO 9003): worker process is terminated by exit()/die()
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=3, signal=0
