--TEST--
swoole_client_select(): several clients, streams and sockets; keys stay
--DESCRIPTION--
A client that has a whole message in its buffer is ready, whatever its socket says. Clients without a connection are
passed over.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('receive', function ($server, $fd, $reactor, $data) { $server->send($fd, $data); });
$server->start();
PHP);
$port = started($run);
$connect = function (array $settings = []) use ($port) {
    $client = new Skep\Client(SWOOLE_SOCK_TCP);
    $client->set(['timeout' => DEADLINE] + $settings);
    $client->connect('127.0.0.1', $port, DEADLINE);
    return $client;
};
$select = function (array $read, array $write = [], array $except = [], ?float $timeout = DEADLINE) {
    $count = swoole_client_select($read, $write, $except, $timeout);
    echo json_encode($count), ' ', json_encode(array_map('array_keys', [$read, $write, $except])), "\n";
};
$clients = [];
foreach (['a', 'b', 7, 'never'] as $key) {
    $clients[$key] = $connect();
}
echo "-- nothing yet\n";
var_dump(seconds(fn () => $select($clients, [], [], 0.2)) >= 0.199);
var_dump(seconds(fn () => $select($clients, [], [], 0)) < 3);
echo "-- all can be written to\n";
$select([], $clients, $clients);
echo "-- three have an answer\n";
$answers = [];
foreach (['a', 'b', 7] as $key) {
    $clients[$key]->send("for $key");
}
while (count($answers) < 3) {
    $read = $clients;
    $write = $except = [];
    swoole_select($read, $write, $except, DEADLINE);
    foreach ($read as $key => $client) {
        $answers[$key] = $client->recv();
    }
}
ksort($answers);
echo json_encode($answers), "\n";
echo "-- a message that is in the buffer\n";
$lines = $connect(['open_eof_split' => true, 'package_eof' => "\n"]);
$lines->send("one\ntwo\nthr");
var_dump($lines->recv());
$select(['x' => $lines, 'y' => $clients['a']], ['z' => $clients['b']]);
var_dump($lines->recv());
eventually(function () use ($lines) { // all that the server has sent is in the buffer now
    $read = [$lines];
    $write = $except = [];
    swoole_client_select($read, $write, $except, 0.01) and @$lines->recv(0, Skep\Client::MSG_DONTWAIT);
    return !$read;
});
$select(['x' => $lines], [], [], 0);
echo "-- other things\n";
[$one, $other] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
socket_create_pair(AF_UNIX, SOCK_STREAM, 0, $pair);
fwrite($one, 'x');
socket_write($pair[0], 'x');
$clients['b']->send('x');
$select(['b' => $clients['b']]);
$select(['stream' => $other, 'socket' => $pair[1], 'number' => $pair[1] ? $clients['b']->sock : 0, 'quiet' => $one, 'junk' => 'x', 'none' => null], [], [], null);
$clients['b']->recv();
echo "-- nobody to wait for\n";
$read = ['gone' => new Skep\Client(SWOOLE_SOCK_TCP)];
$write = null;
$except = [];
var_dump(swoole_client_select($read, $write, $except), array_keys($read), $write);
$select([], [], []);
echo "-- a number that is not open\n";
$select([1 << 20]);
echo "-- the end is to be read\n";
$socket = $clients['a']->getSocket();
var_dump($socket instanceof Socket, socket_getpeername($socket, $host, $at), $at === $port);
$clients['a']->shutdown(Skep\Client::SHUT_WR);
$select($clients);
var_dump($clients['a']->recv());
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
-- nothing yet
0 [[],[],[]]
bool(true)
0 [[],[],[]]
bool(true)
-- all can be written to
4 [[],["a","b",7,"never"],[]]
-- three have an answer
{"7":"for 7","a":"for a","b":"for b"}
-- a message that is in the buffer
string(4) "one
"
2 [["x"],["z"],[]]
string(4) "two
"
0 [[],[],[]]
-- other things
1 [["b"],[],[]]
3 [["stream","socket","number"],[],[]]
-- nobody to wait for
warning: swoole_client_select(): no resource arrays were passed to select
bool(false)
array(1) {
  [0]=>
  string(4) "gone"
}
NULL
warning: swoole_client_select(): no resource arrays were passed to select
false [[],[],[]]
-- a number that is not open
warning: swoole_client_select(): unable to select, Error: Bad file descriptor[9]
false [[0],[],[]]
-- the end is to be read
bool(true)
bool(true)
bool(true)
1 [["a"],[],[]]
string(0) ""
exit code 0
