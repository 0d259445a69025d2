--TEST--
dispatch_func for datagrams: type 1, and the sender's number in place of a session's
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 3, 'dispatch_func' => function ($server, $fd, $type, $data) {
    say("asked: $fd $type $data");
    return $data === 'none' ? -1 : (int)$data;
}]);
$udp = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_UDP);
file_put_contents(getenv('SKEP_DIR') . '/udp', $udp->port);
$server->on('packet', fn ($server, $data) => say("got: $data in worker $server->worker_id"));
$server->start();
PHP);
$run->port();
$port = eventually(fn () => @file_get_contents($run->path('udp')));
$socket = stream_socket_client("udp://127.0.0.1:$port");
foreach (['2', '0', 'none', '-3', '1'] as $text) {
    fwrite($socket, $text);
    $run->expect($text === 'none' ? "asked: 16777343 1 none" : "got: $text in worker");
}
$run->stop();
echo implode("\n", $run->lines('asked: ')), "\n", implode("\n", $run->lines('got: ')), "\n";
?>
--EXPECT--
16777343 1 2
16777343 1 0
16777343 1 none
16777343 1 -3
16777343 1 1
2 in worker 2
0 in worker 0
-3 in worker 2
1 in worker 1
