--TEST--
Server::addProcess(): what is no Process is a fatal error
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve('$server = server(); $server->addProcess(new stdClass);');
$run->port();
var_dump($run->wait(), str_contains($run->output(), 'Skep\Server::addProcess(): object is not instanceof swoole_process'));
?>
--EXPECT--
int(255)
bool(true)
