--TEST--
start() called by an output callback or an error handler of start() and set()
--DESCRIPTION--
PHP itself refuses the first; after the second, the outer call finds nothing to set.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = new Skep\Server('127.0.0.1', 0);
$server->set(['log_level' => SWOOLE_LOG_NONE, 'worker_num' => 1]);
$server->on('receive', fn () => null);
$server->on('start', fn ($server) => $server->shutdown());
ob_start(function ($text) use ($server) {
    static $once = false;
    if (!$once) {
        $once = true;
        $server->start();
    }
    return $text;
});
$outer = $server->start();
ob_end_flush();
say('outer ' . json_encode($outer));
PHP);
echo 'exit code ', $run->wait(), "\n", $run->output();

$run = serve(<<<'PHP'
$server = new Skep\Server('127.0.0.1', 0);
$server->on('receive', fn () => null);
$server->on('start', fn ($server) => $server->shutdown());
set_error_handler(function () use ($server) {
    $server->start();
    return true;
});
say('set ' . json_encode($server->set(['foo' => 1, 'worker_num' => 1])));
PHP);
echo 'exit code ', $run->wait(), "\n", preg_replace('/^\[.*\n/m', '', $run->output());
?>
--EXPECTF--
exit code 255

Fatal error: Skep\Server::start(): Cannot use output buffering in output buffering display handlers in %s
exit code 0
set false
