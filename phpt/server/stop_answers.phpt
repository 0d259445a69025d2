--TEST--
SIGTERM lets every request that was read be answered
--DESCRIPTION--
Requests wait behind a slow one when the signal comes; all answers arrive before the end of the stream.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'slow') {
        say('slow');
        $end = microtime(true) + 5;
        while ($server->stats()['dispatch_count'] < 7 && microtime(true) < $end) {
            usleep(1000);
        }
        say('all seven are read');
        usleep(300000); // at work when the stop is asked for
    }
    $server->send($fd, "got $data");
});
$server->start();
PHP);
$slow = $run->connect();
$others = [$run->connect(), $run->connect(), $run->connect()];
foreach ($others as $socket) {
    fwrite($socket, 'warm');
    fread($socket, 100);
}
fwrite($slow, 'slow');
$run->expect('slow');
foreach ($others as $socket) {
    fwrite($socket, 'quick');
}
$run->expect('all seven are read');
$run->kill(15);
var_dump(stream_get_contents($slow));
foreach ($others as $socket) {
    var_dump(stream_get_contents($socket));
}
echo 'exit code ', $run->wait(), "\n";
?>
--EXPECTF--
string(8) "got slow"
string(9) "got quick"
string(9) "got quick"
string(9) "got quick"
exit code 0
