--TEST--
A parse error in a required file is an exception
--DESCRIPTION--
Uncaught, it ends the worker with 255.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('file_put_contents(getenv("SKEP_DIR") . "/bad.php", "<?php if ("); require getenv("SKEP_DIR") . "/bad.php";');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
Parse error: Unclosed '(' in %s/bad.php on line 1
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
*0 ERROR receive() (ERRNO 503): Fatal error: Uncaught ParseError: Unclosed '(' in %s/bad.php:1
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=255, signal=0
