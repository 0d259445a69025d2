--TEST--
stats(): the same from every process, with an entry per worker
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'dispatch_mode' => 2]);
function shown(string $who, Skep\Server $server): void
{
    $stats = $server->stats();
    $own = array_filter(array_keys($stats), fn ($key) => str_starts_with($key, 'worker_') && $key !== 'worker_num');
    $pids = array_map(fn ($id) => $server->getWorkerPid($id), [0, 1]);
    say("$who: " . json_encode([
        'own' => count($own), 'last' => array_slice(array_keys($stats), -9), 'phase' => $stats['phase'],
        'ready' => $stats['ready'], 'pids' => array_column($stats['workers'], 'pid') === $pids,
    ]));
}
$server->on('start', fn ($server) => shown('master', $server));
$server->on('managerStart', function ($server) {
    while ($server->stats()['phase'] === 'starting') {
        usleep(1000);
    }
    shown('manager', $server);
});
$server->on('shutdown', fn ($server) => shown('the end', $server));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'kill') {
        exec('kill -9 ' . getmypid());
    }
    while (array_sum(array_column($server->stats()['workers'], 'restarts')) < 1) {
        usleep(1000); // the other one's successor is on its way
    }
    shown('worker', $server);
    $id = $server->worker_id;
    $mine = $server->stats()['workers'][$id];
    say(json_encode(array_map('get_debug_type', $mine)));
    say(json_encode([$mine['pid'] === getmypid(), $mine['state'], $mine['callback'], $mine['fd'] === $fd, $mine['served'],
        array_sum(array_column($server->stats()['workers'], 'restarts')), $mine['rss_bytes'] > 1000000, $mine['queue_depth'], $mine['busy_ms'] < 5000]));
    $server->send($fd, 'done');
});
$server->start();
PHP);
$run->expect('manager:');
$run->expect('master:');
$first = $run->connect();
fwrite($first, 'kill');
echo json_encode(fread($first, 10)), "\n";
$second = $run->connect();
fwrite($second, 'tell');
echo fread($second, 10), "\n";
echo 'exit code ', $run->stop(), "\n";
$lines = explode("\n", $run->output());
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
""
done
exit code 0

[true,"busy","onReceive",true,0,1,true,1,true]
manager: {"own":0,"last":["task_queue_bytes","task_queue_age_ms","tasks_at_work","tasks_lost","messages_lost","reloads","phase","ready","workers"],"phase":"serving","ready":true,"pids":true}
master: {"own":0,"last":["task_queue_bytes","task_queue_age_ms","tasks_at_work","tasks_lost","messages_lost","reloads","phase","ready","workers"],"phase":"starting","ready":false,"pids":true}
the end: {"own":0,"last":["task_queue_bytes","task_queue_age_ms","tasks_at_work","tasks_lost","messages_lost","reloads","phase","ready","workers"],"phase":"stopped","ready":false,"pids":false}
worker: {"own":4,"last":["task_queue_bytes","task_queue_age_ms","tasks_at_work","tasks_lost","messages_lost","reloads","phase","ready","workers"],"phase":"serving","ready":true,"pids":true}
{"pid":"int","state":"string","busy_ms":"int","callback":"string","fd":"int","served":"int","restarts":"int","rss_bytes":"int","queue_depth":"int","queue_age_ms":"int"}
