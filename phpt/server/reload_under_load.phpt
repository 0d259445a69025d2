--TEST--
A reload under load loses no request and closes no connection
--DESCRIPTION--
Three reloads while eight connections ask without a pause.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2]);
$server->on('workerStart', fn ($server) => say('start'));
$server->on('afterReload', fn ($server) => say('reloaded'));
$server->on('close', fn ($server) => say('closed'));
$server->start();
PHP);
$sockets = [];
for ($i = 0; $i < 8; $i++) {
    $sockets[] = $run->connect();
}
$run->expect('start', 2);
$wrong = $rounds = 0;
for ($reload = 1; $reload <= 3; $reload++) {
    $run->kill(10);
    $end = microtime(true) + DEADLINE;
    do {
        foreach ($sockets as $i => $socket) {
            fwrite($socket, "$rounds-$i");
        }
        foreach ($sockets as $i => $socket) {
            $wrong += fread($socket, 100) !== "got $rounds-$i";
        }
        $rounds++;
    } while ((count($run->lines('reloaded')) < $reload || $rounds < 5 * $reload) && microtime(true) < $end);
}
var_dump($wrong, $rounds >= 15, count($run->lines('start')), count($run->lines('closed')));
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECTF--
int(0)
bool(true)
int(8)
int(0)
exit code 0
