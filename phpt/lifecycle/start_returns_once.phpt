--TEST--
start() returns true once, in the master only, however the server is stopped
--DESCRIPTION--
Workers that are replaced, reloaded, recycled, leave by exit() or die, and the manager, never come back from start(); what
stands behind it runs in the process that called it.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$body = <<<'PHP'
$server = server(['worker_num' => 2, 'max_request' => 3, 'max_request_grace' => 0]);
$server->on('workerStart', fn () => say('worker starts'));
$server->on('afterReload', fn () => say('reloaded'));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    match ($data) {
        'exit' => exit(0),
        'throw' => throw new Exception('thrown'),
        'stop' => $server->stop(),
        'shutdown' => $server->shutdown(),
        default => null,
    };
    $server->send($fd, "got $data");
});
$caller = getmypid();
$result = $server->start();
say('returned ' . json_encode($result) . ' in ' . (getmypid() === $caller ? 'the caller' : 'a child'));
PHP;
foreach (['TERM', 'TERM to the manager', 'shutdown()'] as $way) {
    $run = serve($body, ['display_errors=0', 'log_errors=0']);
    $run->expect('worker starts', 2);
    foreach (['exit', 'throw', 'stop', 'a', 'b', 'c', 'd', 'e', 'f'] as $message) {
        $run->ask($message);
    }
    $run->kill(10);
    $run->expect('reloaded');
    match ($way) {
        'TERM' => $run->kill(15),
        'TERM to the manager' => $run->kill(15, $run->child($run->pid)),
        'shutdown()' => print($run->ask('shutdown') . "\n"),
    };
    echo "$way: exit code ", $run->wait(), ', ', implode(', ', preg_grep('/returned/', $run->lines(''))), "\n";
}
?>
--EXPECT--
TERM: exit code 0, returned true in the caller
TERM to the manager: exit code 0, returned true in the caller
got shutdown
shutdown(): exit code 0, returned true in the caller
