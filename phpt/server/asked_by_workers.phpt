--TEST--
reload(), stop() and shutdown() called by a worker
--DESCRIPTION--
All return at once; the effect comes after the callback.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'dispatch_mode' => 2]);
$server->on('workerStart', fn ($server, $id) => say("start $id"));
$server->on('workerStop', fn ($server, $id) => say("stop $id"));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $done = match ($data) {
        'stop' => $server->stop(),
        'stop other' => $server->stop(1 - $server->worker_id, true),
        'reload' => $server->reload(),
        'shutdown' => $server->shutdown(),
    };
    $server->send($fd, json_encode([$done, $server->getWorkerStatus()]));
});
$server->start();
say('end');
PHP);
$run->expect('start ', 2);
echo 'stop ', $run->ask('stop'), "\n";
$run->expect('start ', 3);
echo 'stop other ', $run->ask('stop other'), "\n";
$run->expect('start ', 4);
echo 'reload ', $run->ask('reload'), "\n";
$run->expect('start ', 6);
echo 'shutdown ', $run->ask('shutdown'), "\n";
echo 'exit code ', $run->wait(), "\n";
echo substr_count($run->output(), 'stop '), ' stops, ', count($run->lines('end')), " end\n";
?>
--EXPECTF--
stop [true,1]
stop other [true,1]
reload [true,1]
shutdown [true,1]
exit code 0
6 stops, 1 end
