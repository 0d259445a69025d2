--TEST--
trigger_error(E_USER_ERROR) ends the worker with 255
--DESCRIPTION--
A fatal error raised by the script itself.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('trigger_error("own fatal", E_USER_ERROR);');
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
Fatal error: own fatal in %s/server.php on line 12
shutdown function of worker
worker error 255 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 ERROR receive() (ERRNO 503): Fatal error: own fatal in %s/server.php on line 12
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=255, signal=0
