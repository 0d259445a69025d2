--TEST--
A child forked in a callback is not the role that forked it
--DESCRIPTION--
It can neither send nor stop the server, its end is not the role's end, and the role's own answers arrive.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$fork = function (string $where, ?callable $child = null) {
    if ($pid = pcntl_fork()) {
        pcntl_waitpid($pid, $status);
        say("$where: child ended with " . pcntl_wexitstatus($status));
        return;
    }
    $child && $child();
    exit(7);
};
$server->on('start', fn () => $fork('start'));
$server->on('managerStart', fn () => $fork('managerStart'));
$server->on('receive', function ($server, $fd, $reactor, $data) use ($fork) {
    $fork('receive', fn () => say('child: ' . json_encode([$server->send($fd, 'no'), $server->close($fd), $server->shutdown()])));
    $server->send($fd, "got $data");
});
$server->start();
say('stopped');
PHP);
$client = $run->connect();
foreach (['one', 'two'] as $text) {
    fwrite($client, $text);
    echo fread($client, 100), "\n";
}
echo 'exit code ', $run->stop(), "\n";
$lines = array_filter(explode("\n", $run->output()), fn ($line) => preg_match('/child|stopped/', $line));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
got one
got two
exit code 0
child: [false,false,false]
child: [false,false,false]
managerStart: child ended with 7
receive: child ended with 7
receive: child ended with 7
start: child ended with 7
stopped
