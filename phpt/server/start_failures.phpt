--TEST--
What start() refuses
--DESCRIPTION--
E_ERROR, exit status 255, nothing forked.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
register_shutdown_function(fn () => say('bye'));
$server = new Skep\Server('127.0.0.1', 0);
$server->start();
say('not here');
PHP);
echo 'exit code ', $run->wait(), $run->output();

$run = serve(<<<'PHP'
$server = server();
$other = stream_socket_server("tcp://127.0.0.1:$server->port");
$server->start();
say('not here');
PHP);
echo 'exit code ', $run->wait(), "\n", $run->output();
?>
--EXPECTF--
exit code 255
Fatal error: Skep\Server::start(): require onReceive callback in %s/server.php on line 5
bye
exit code 255

Fatal error: Skep\Server::start(): failed to start server. Error: listen(127.0.0.1:%d, 512) failed, Error: Address already in use[98] in %s/server.php on line 5
