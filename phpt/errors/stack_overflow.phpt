--TEST--
Endless recursion through C frames ends the worker by signal 11
--DESCRIPTION--
The manager reports the signal and replaces the worker.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('$f = function () use (&$f) { array_map($f, [1]); }; $f();', ini: ['memory_limit=-1']);
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
worker error 0 11
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=0, signal=11
