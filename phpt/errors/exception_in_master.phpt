--TEST--
An exception in a master's callback ends the server with 255
--DESCRIPTION--
Printed by PHP, logged, and no process is left.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['throw new Exception("in master");', 'trigger_error("in master", E_USER_ERROR);'] as $code) {
    $run = serve(<<<PHP
    \$server = server();
    \$server->on('start', function () { $code });
    try {
        \$server->start();
        say('after start');
    } finally {
        say('finally');
    }
    PHP);
    echo 'exit code ', $run->wait(), "\n", $run->output(), $run->log();
}
?>
--EXPECTF--
exit code 255

Fatal error: Uncaught Exception: in master in %s/server.php:4
Stack trace:
#0 [internal function]: {closure}(Object(Skep\Server))
#1 %s/server.php(6): Skep\Server->start()
#2 {main}
  thrown in %s/server.php on line 4
#0 ERROR start() (ERRNO 503): Fatal error: Uncaught Exception: in master in %s/server.php:4
#0 INFO Server is shutdown now
exit code 255

Fatal error: in master in %s/server.php on line 4
#0 ERROR start() (ERRNO 503): Fatal error: in master in %s/server.php on line 4
#0 INFO Server is shutdown now
