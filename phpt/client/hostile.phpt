--TEST--
Skep\Client: peers that send garbage, never end, dribble, reset, close half, or never read
--DESCRIPTION--
Each call takes its time in total, not for each byte; what a peer can make the client keep is bounded; nothing kills the
process.
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$wait = function ($connection) { fread($connection, 1); };
echo "-- garbage for a length\n";
$length = ['open_length_check' => true, 'package_length_type' => 'N', 'package_max_length' => 100000];
foreach (["\xff\xff\xff\xff", "\0\1\x86\xa0", str_repeat('GET / HTTP/1.0', 10)] as $garbage) {
    $peer = new Peer(function ($connection) use ($garbage, $wait) { fwrite($connection, $garbage); $wait($connection); });
    $client = $peer->client($length);
    var_dump(seconds(function () use ($client) { var_dump($client->recv(), $client->errCode); }) < 5);
    var_dump($client->recv());
    ob_start();
    $client->send('x');
    echo str_replace("($client->sock)", '(N)', ob_get_clean());
    var_dump($client->close());
}
echo "-- no end\n";
$peer = new Peer(function ($connection) { while (@fwrite($connection, str_repeat('x', 8192))); });
$client = $peer->client(['open_eof_check' => true, 'package_max_length' => 200000]);
var_dump($client->recv(), $client->errCode, $client->recv(), $client->close());

echo "-- byte by byte\n";
$peer = new Peer(function ($connection) { while (@fwrite($connection, 'x')) { usleep(10000); } });
$client = $peer->client(['open_eof_check' => true, 'read_timeout' => 0.3]);
$took = seconds(fn () => var_dump($client->recv(), $client->errCode));
var_dump($took >= 0.299 && $took < 3);
$client->set(['open_eof_check' => false]);
$took = seconds(fn () => var_dump($client->recv(1000000, true), $client->errCode));
var_dump($took >= 0.299 && $took < 3, strlen($client->recv(5, true)));
unset($client);

echo "-- a reset, in the middle of a message\n";
$peer = new Peer(function ($connection) {
    fwrite($connection, "\0\0\0\x10half");
    $client = fread($connection, 2); // and what is not read makes the kernel reset
});
$client = $peer->client($length + ['package_body_offset' => 4]);
$client->send('many bytes that are not read');
var_dump(in_array([@$client->recv(), $client->errCode], [[false, 104], ['', 6001]], true)); // the end may be seen before the reset
$codes = [];
eventually(function () use ($client, &$codes) {
    ob_start();
    $sent = $client->send('more');
    $codes[] = $client->errCode;
    ob_end_clean();
    return $sent === false && end($codes) === 32;
});
var_dump(end($codes));
var_dump($client->isConnected(), $client->close());

echo "-- half a close, ours and theirs\n";
$peer = new Peer(function ($connection) { fwrite($connection, strrev(stream_get_contents($connection))); });
$client = $peer->client();
$client->send('abc');
var_dump($client->shutdown(Skep\Client::SHUT_WR), $client->recv(3, true), $client->recv(), $client->errCode);
$keep = [];
$peer = new Peer(function ($connection) use (&$keep) {
    $keep[] = $connection;
    stream_socket_shutdown($connection, STREAM_SHUT_WR);
    stream_get_contents($connection);
});
$client = $peer->client();
var_dump($client->recv(), $client->send('still heard'), $client->recv(), $client->close());

echo "-- never reads\n";
$peer = new Peer($wait = fn ($connection) => sleep(100));
$client = $peer->client(['write_timeout' => 0.2]);
$data = str_repeat('x', 64 << 20);
$took = seconds(function () use ($client, $data, &$sent) { $sent = $client->send($data); });
var_dump($sent > 0 && $sent < strlen($data), $client->errCode, $took < 10);
ob_start();
do {
    $sent = $client->send($data); // the kernel may find a little more room
} while ($sent !== false);
echo str_replace("($client->sock)", '(N)', ob_get_clean());
file_put_contents($file = tempnam(sys_get_temp_dir(), 'skep'), $data);
// This peer has one connection at a time; the kernel accepts the next one all the same.
$client = $peer->client(['write_timeout' => 0.2]);
var_dump($client->sendfile($file), $client->errCode);
unlink($file);

echo "-- never answers\n";
$client = $peer->client(['timeout' => 0.2]);
$took = seconds(fn () => var_dump($client->recv(), $client->errCode));
var_dump($took >= 0.199 && $took < 3);
$client = $peer->client(timeout: 0.25);
$took = seconds(fn () => var_dump($client->recv()));
var_dump($took >= 0.249 && $took < 3);
$client = new Skep\Client(SWOOLE_SOCK_TCP);
$client->connect('127.0.0.1', $peer->port);
$took = seconds(fn () => var_dump($client->recv()));
var_dump($took >= 0.499 && $took < 3);
$begun = microtime(true);
$tls = new Skep\Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
ob_start();
var_dump($tls->connect('127.0.0.1', $peer->port, 0.2), $tls->errCode, $tls->isConnected());
echo str_replace((string)$peer->port, 'PORT', ob_get_clean());
var_dump(microtime(true) - $begun < 3);
?>
--EXPECTF--
-- garbage for a length
skep: recv() (ERRNO 1201): Package is too big. package_length=4294967299
string(0) ""
int(1201)
bool(true)
string(0) ""
warning: Skep\Client::send(): failed to send(N) 1 bytes, Error: Package length too large[1201]
bool(true)
skep: recv() (ERRNO 1201): Package is too big. package_length=100004
string(0) ""
int(1201)
bool(true)
string(0) ""
warning: Skep\Client::send(): failed to send(N) 1 bytes, Error: Package length too large[1201]
bool(true)
skep: recv() (ERRNO 1201): Package is too big. package_length=1195725860
string(0) ""
int(1201)
bool(true)
string(0) ""
warning: Skep\Client::send(): failed to send(N) 1 bytes, Error: Package length too large[1201]
bool(true)
-- no end
warning: Skep\Client::recv(): no package eof
bool(false)
int(1201)
string(0) ""
bool(true)
-- byte by byte
warning: Skep\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]
bool(false)
int(11)
bool(true)
warning: Skep\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]
bool(false)
int(11)
bool(true)
int(5)
-- a reset, in the middle of a message
bool(true)
int(32)
bool(true)
bool(true)
-- half a close, ours and theirs
bool(true)
string(3) "cba"
string(0) ""
int(0)
string(0) ""
int(11)
string(0) ""
bool(true)
-- never reads
bool(true)
int(11)
bool(true)
warning: Skep\Client::send(): failed to send(N) 67108864 bytes, Error: Resource temporarily unavailable[11]
warning: Skep\Client::sendfile(): sendfile() failed. Error: Resource temporarily unavailable[11]: %d bytes were sent
bool(false)
int(11)
-- never answers
warning: Skep\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]
bool(false)
int(11)
bool(true)
warning: Skep\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]
bool(false)
bool(true)
warning: Skep\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]
bool(false)
bool(true)
warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: Connection timed out[110]
bool(false)
int(110)
bool(false)
bool(true)
