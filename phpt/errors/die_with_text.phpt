--TEST--
die() with a text prints it and ends the worker with 0
--DESCRIPTION--
The text is printed once, in the worker only.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('die("last words\n");');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
last words
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
