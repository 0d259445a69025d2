--TEST--
Reaching the memory limit ends the worker with 255
--DESCRIPTION--
A fatal error is a longjmp over Rust frames: the process must still end in good order.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('$x = str_repeat("x", 64 << 20);', ini: ['memory_limit=16M']);
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
Fatal error: Allowed memory size of 16777216 bytes exhausted (tried to allocate 67112960 bytes) in %s/server.php on line 12
shutdown function of worker
worker error 255 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 ERROR receive() (ERRNO 503): Fatal error: Allowed memory size of 16777216 bytes exhausted (tried to allocate 67112960 bytes) in %s/server.php on line 12
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=255, signal=0
