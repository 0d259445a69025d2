--TEST--
A fatal error in the manager ends the server
--DESCRIPTION--
It cannot go on after a bailout, and the master does not serve without it.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('managerStart', function () { trigger_error('in manager', E_USER_ERROR); });
$server->start();
say('after start');
PHP);
echo 'exit code ', $run->wait(), "\n", $run->output(), $run->log();
?>
--EXPECTF--
exit code 255

Fatal error: in manager in %s/server.php on line 4
$0 ERROR managerStart() (ERRNO 503): Fatal error: in manager in %s/server.php on line 4
#0 INFO Server is shutdown now
