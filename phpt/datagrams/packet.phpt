--TEST--
onPacket and sendto(): UDP, UDP6 and unix datagrams
--DESCRIPTION--
The keys of $client in their order and with their types; a port has its own callback or the primary port's; send() takes a path.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/datagrams.inc';

$run = serve_datagrams(<<<'PHP'
$v6 = $server->listen('::1', 0, SWOOLE_SOCK_UDP6);
$unix = $server->listen(getenv('SKEP_DIR') . '/server', 0, SWOOLE_SOCK_UNIX_DGRAM);
say(json_encode([$server->ports[0]->type, $v6->type, $unix->type, $unix->port]));

$server->on('packet', function ($server, $data, $client) {
    $port = $server->ports[str_contains($client['address'], ':') ? 1 : 0];
    $good = [$client['server_socket'] === $port->sock, $client['server_port'] === $port->port,
        abs(microtime(true) - $client['dispatch_time']) < 60, strlen($data)];
    say(json_encode([array_map(get_debug_type(...), $client), $good]));
    $sent = $server->sendto($client['address'], $client['port'], strtoupper($data) ?: 'EMPTY', $client['server_socket']);
    say(json_encode($sent));
});
$unix->on('packet', function ($server, $data, $client) {
    say(json_encode([array_keys($client), $client['server_port'], basename($client['address']), $data]));
    if ($client['address'] !== '') {
        say(json_encode($server->send($client['address'], "unix $data")));
    } else {
        swoole_clear_error();
        say(json_encode([$server->sendto('', 0, 'x'), $server->getLastError()]));
    }
});
PHP);
$v4 = new Peer($run, 0);
$v6 = new Peer($run, 1);
echo $v4->ask('four'), "\n", $v6->ask('six'), "\n", $v4->ask(''), "\n";
$large = str_repeat('x', 65507);
var_dump($v4->ask($large) === strtoupper($large));
$named = new Peer($run, 2, $run->path('client'));
echo $named->ask('named'), "\n";
(new Peer($run, 2))->tell('anonymous');
$run->expect('505');
echo $named->ask('again'), "\n";
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
FOUR
SIX
EMPTY
bool(true)
unix named
unix again
exit code 0
[2,4,6,0]
[{"server_socket":"int","dispatch_time":"float","server_port":"int","address":"string","port":"int"},[true,true,true,4]]
true
[{"server_socket":"int","dispatch_time":"float","server_port":"int","address":"string","port":"int"},[true,true,true,3]]
true
[{"server_socket":"int","dispatch_time":"float","server_port":"int","address":"string","port":"int"},[true,true,true,0]]
true
[{"server_socket":"int","dispatch_time":"float","server_port":"int","address":"string","port":"int"},[true,true,true,65507]]
true
[["server_socket","dispatch_time","server_port","address"],0,"client","named"]
true
[["server_socket","dispatch_time","server_port","address"],0,"","anonymous"]
[false,505]
[["server_socket","dispatch_time","server_port","address"],0,"client","again"]
true
