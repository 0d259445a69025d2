--TEST--
An exception in a manager's callback is printed and the manager goes on
--DESCRIPTION--
Without a manager nobody would replace workers.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('managerStart', function () { throw new Exception('in manager'); });
$server->on('workerError', function () { throw new Exception('in workerError'); });
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'die') {
        exit(1);
    }
    $server->send($fd, "got $data");
});
$server->start();
say('after start');
PHP);
$run->expectLog('managerStart()');
echo $run->ask('die'), $run->ask('x'), "\n", 'exit code ', $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECTF--
got x
exit code 0

Fatal error: Uncaught Exception: in manager in %s/server.php:4
Stack trace:
#0 [internal function]: {closure}(Object(Skep\Server))
#1 %s/server.php(12): Skep\Server->start()
#2 {main}
  thrown in %s/server.php on line 4

Fatal error: Uncaught Exception: in workerError in %s/server.php:5
Stack trace:
#0 [internal function]: {closure}(Object(Skep\Server), 0, %d, 1, 0, Array)
#1 %s/server.php(12): Skep\Server->start()
#2 {main}
  thrown in %s/server.php on line 5
after start
$0 ERROR managerStart() (ERRNO 503): Fatal error: Uncaught Exception: in manager in %s/server.php:4
*0 NOTICE receive() (ERRNO 9003): worker process is terminated by exit()/die()
$0 WARNING worker(pid=%d, id=0) abnormal exit, status=1, signal=0
$0 WARNING worker 0 (pid %d) lost: exit code 1, uptime %f s, 0 requests served, last callback onReceive, fd 1, peak memory %f MiB
$0 ERROR workerError() (ERRNO 503): Fatal error: Uncaught Exception: in workerError in %s/server.php:5
#0 INFO Server is shutdown now
