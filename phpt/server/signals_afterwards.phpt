--TEST--
After start() the script has its signals back
--DESCRIPTION--
A script that goes on after the server must end by SIGTERM as any other.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('start', fn ($server) => $server->shutdown());
$server->start();
say('after start');
sleep(30);
say('woken');
PHP);
$run->expect('after start');
echo $run->stop(), "\n", $run->output();
?>
--EXPECTF--
signal 15
after start
