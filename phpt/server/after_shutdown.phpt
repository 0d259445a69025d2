--TEST--
After start() has returned
--DESCRIPTION--
true once; the old object is spent, a new server can be made and run in the same process.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
for ($round = 1; $round <= 2; $round++) {
    $server = server();
    $server->on('workerStart', function ($server) use ($round) {
        say("round $round, pid known: " . json_encode($server->master_pid === posix_getppid_of($server->manager_pid)));
        $server->shutdown();
    });
    say(json_encode($server->start()));
    say(json_encode([@$server->start(), error_get_last()['message'], @$server->send(1, 'x'), error_get_last()['message'],
        $server->shutdown(), @$server->set([]), $server->getMasterPid()]));
}
function posix_getppid_of(int $pid): int
{
    return (int)preg_replace('/^.*\) \S /s', '', file_get_contents("/proc/$pid/stat"));
}
PHP);
echo 'exit code ', $run->wait(), "\n", $run->output();
?>
--EXPECTF--
exit code 0
round 1, pid known: true
true
[false,"Skep\\Server::start(): The server have been shutdown, unable to execute Skep\\Server->start()",false,"Skep\\Server::send(): server is not running",false,false,0]
round 2, pid known: true
true
[false,"Skep\\Server::start(): The server have been shutdown, unable to execute Skep\\Server->start()",false,"Skep\\Server::send(): server is not running",false,false,0]
