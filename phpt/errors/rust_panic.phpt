--TEST--
A panic in Rust ends the worker with 255
--DESCRIPTION--
It must never unwind into PHP's C frames.
--FILE--
<?php
require __DIR__ . '/../include/boundary.inc';
boundary('skep_test_panic();', env: ['SKEP_TEST' => '1', 'RUST_BACKTRACE' => '0']);
?>
--EXPECTF--
answer: ''
answer: 'got again'
exit code 0
worker starts
thread %s panicked at %s
asked for by the script
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
shutdown function of worker
worker error 255 0
worker starts
worker stops
shutdown function of worker
shutdown function of manager
after start in master
finally in master
shutdown function of master
*0 ERROR callback() (ERRNO 503): Rust panic: asked for by the script
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=255, signal=0
