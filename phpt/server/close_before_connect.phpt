--TEST--
close() of a session whose onConnect is still queued
--DESCRIPTION--
onConnect comes first all the same, then onClose, each once.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['reactor_num' => 1]);
$server->on('connect', fn ($server, $fd) => say("connect $fd"));
$server->on('close', fn ($server, $fd, $reactor) => say("close $fd $reactor"));
$server->on('receive', function ($server, $fd) {
    say('waiting');
    $end = microtime(true) + 5;
    while (array_filter([2, 3, 4], fn ($other) => !$server->exists($other)) && microtime(true) < $end) {
        usleep(1000);
    }
    foreach ([2, 3, 4] as $other) {
        say("closing $other " . json_encode($server->close($other)));
    }
    $server->send($fd, 'done');
});
$server->start();
PHP);
$first = $run->connect();
fwrite($first, 'go');
$run->expect('waiting');
$others = [$run->connect(), $run->connect(), $run->connect()];
echo fread($first, 10), "\n";
foreach ($others as $other) {
    var_dump(stream_get_contents($other));
}
fclose($first);
$run->expect('close 1 0');
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
done
string(0) ""
string(0) ""
string(0) ""
exit code 0
connect 1
waiting
closing 2 true
closing 3 true
closing 4 true
connect 2
connect 3
connect 4
close 2 -1
close 3 -1
close 4 -1
close 1 0
