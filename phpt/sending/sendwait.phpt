--TEST--
sendwait() belongs to a mode that skep does not have
--DESCRIPTION--
The warning is the reference's in process mode.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('receive', function ($server, $fd) {
    swoole_clear_error();
    echo json_encode($server->sendwait($fd, 'data')), ' ', $server->getLastError(), "\n";
    $server->send($fd, 'over');
});
$server->start();
PHP);
echo $run->ask('go'), "\n";
$run->stop();
echo $run->output();
?>
--EXPECTF--
over

Warning: Skep\Server::sendwait(): can only be used with base mode and must be within worker process in %s on line %d
false 503
