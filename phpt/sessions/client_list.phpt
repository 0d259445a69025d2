--TEST--
getClientList() goes by ids
--DESCRIPTION--
A start id that has gone is passed over; past the end it is false; pages are limited.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->set(['worker_num' => 2]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $server->send($fd, json_encode($server->getClientList(...json_decode($data))));
});
$server->start();
PHP);
$sockets = [];
for ($i = 0; $i < 5; $i++) {
    $sockets[] = $run->connect();
}
$ask = function (string $arguments) use (&$sockets) {
    fwrite($sockets[4], $arguments);
    return fread($sockets[4], 1000);
};
eventually(fn () => $ask('[]') === '[1,2,3,4,5]'); // each reactor takes its own up
echo $ask('[]'), $ask('[0, 2]'), $ask('[2, 2]'), $ask('[5]'), $ask('[0, 0]'), $ask('[0, 100]'), "\n";
fclose($sockets[1]);
eventually(fn () => $ask('[]') === '[1,3,4,5]');
echo $ask('[2, 2]'), $ask('[1]'), $ask('[0, 101]'), "\n";
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECTF--
[1,2,3,4,5][1,2][3,4]false[][1,2,3,4,5]
[3,4][3,4,5]false
exit code 0
%AWarning: %SServer::getClientList(): swoole connection list max_find_count=100 in %s
