--TEST--
A stop that had to drop a request says so in the log and by the exit code
--DESCRIPTION--
start() returns true all the same, and code after it runs; a script that ends with a code of its own keeps it.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['', 'exit(7);'] as $ending) {
    $run = serve(<<<PHP
    \$server = server(['max_wait_time' => 0.5]);
    \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) {
        if (\$data === 'block') {
            say('blocked');
            usleep(30_000_000);
        }
        \$server->send(\$fd, "got \$data");
    });
    var_dump(\$server->start());
    $ending
    PHP);
    echo $run->ask('x'), "\n";
    $socket = $run->connect();
    fwrite($socket, 'block');
    $run->expect('blocked');
    echo 'exit code ', $run->stop(), "\n";
    echo preg_match('/Server has stopped after \d+ ms: (.*)/', $run->wholeLog(), $line) ? $line[1] : 'no line', "\n";
    echo $run->lines('bool')[0] ?? 'start() did not return', "\n";
}
?>
--EXPECT--
got x
exit code 1
1 requests answered in all, 1 dropped, 0 connections closed before their output was written
(true)
got x
exit code 7
1 requests answered in all, 1 dropped, 0 connections closed before their output was written
(true)
