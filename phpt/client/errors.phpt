--TEST--
Skep\Client: each refusal is a warning with its text, false, and a number
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$show = function (Skep\Client $client, string $method, ...$arguments) {
    $result = $client->$method(...$arguments);
    echo "$method: ", var_export($result, true), " errCode $client->errCode\n";
};
$client = new Skep\Client(SWOOLE_SOCK_TCP);
foreach ([['send', 'x'], ['recv'], ['sendfile', __FILE__], ['close'], ['shutdown', 1], ['getsockname'], ['getpeername'],
    ['getSocket'], ['enableSSL'], ['getPeerCert'], ['verifyPeerCert']] as $call) {
    $show($client, ...$call);
}
var_dump($client->isConnected());
$show($client, 'connect', '', 80);
foreach ([0, -1, 65536] as $port) {
    $show($client, 'connect', '127.0.0.1', $port);
}
$closed = stream_socket_server('tcp://127.0.0.1:0');
$port = (int)substr(strrchr(stream_socket_get_name($closed, false), ':'), 1);
fclose($closed);
ob_start();
$show($client, 'connect', '127.0.0.1', $port, DEADLINE);
echo str_replace((string)$port, 'PORT', ob_get_clean());
$show($client, 'connect', 'no such host', 80, DEADLINE);
$show($client, 'connect', "\xff", 80, DEADLINE);
$show($client, 'connect', '127.0.0.1', 80, DEADLINE, 1);
$show($client, 'connect', '127.0.0.1', 80, DEADLINE, 2);

$peer = new Peer(function ($connection) { fread($connection, 1); fclose($connection); });
$client = $peer->client(['read_timeout' => 0.05]);
$show($client, 'connect', '127.0.0.1', $peer->port);
$show($client, 'send', '');
ob_start();
$show($client, 'send', 'hello', 4);
echo str_replace("send($client->sock)", 'send(N)', ob_get_clean());
$show($client, 'recv');
$show($client, 'recv', 5, Skep\Client::MSG_DONTWAIT);
$show($client, 'recv', 5, 1 << 20);
$show($client, 'shutdown', 7);
$show($client, 'getPeerCert');
$show($client, 'verifyPeerCert');
$show($client, 'sendto', '127.0.0.1', 9, 'x');
$show($client, 'sendfile', '');
$show($client, 'sendfile', '/nowhere/at/all');
$show($client, 'sendfile', '/dev/null');
$show($client, 'sendfile', __FILE__, 1 << 30);
$show($client, 'sendfile', __FILE__, 0, -1);
$show($client, 'send', 'x');
$client->set(['read_timeout' => DEADLINE]);
$show($client, 'recv');
$show($client, 'close');
$show($client, 'close');

$udp = new Skep\Client(SWOOLE_SOCK_UDP);
$show($udp, 'sendto', '127.0.0.1', 9, '');
$show($udp, 'sendto', '127.0.0.1', 70000, 'x');
$show($udp, 'sendto', 'no such host', 9, 'x');
$udp->connect('127.0.0.1', 9);
$show($udp, 'sendfile', __FILE__);
$show($udp, 'enableSSL');
$show($udp, 'getpeername');

$show($client, 'set', ['package_eof' => '123456789']);
$show($client, 'set', ['package_length_type' => '?']);
$show($client, 'set', ['package_length_func' => 'no_such_function']);
$show($client, 'set', ['ssl_passphrase' => 'secret']);
$show($client, 'set', ['bind_port' => 65536]);
$show($client, 'set', 'no array');
$show($client, 'set', ['worker_num' => 4, 'timeout' => 1]);
echo json_encode($client->setting), "\n";
?>
--EXPECTF--
warning: Skep\Client::send(): client is not connected to server
send: false errCode 5001
warning: Skep\Client::recv(): client is not connected to server
recv: false errCode 5001
warning: Skep\Client::sendfile(): client is not connected to server
sendfile: false errCode 5001
warning: Skep\Client::close(): client is not connected to the server
close: false errCode 5001
warning: Skep\Client::shutdown(): client is not connected to server
shutdown: false errCode 5001
warning: Skep\Client::getsockname(): client is not connected to server
getsockname: false errCode 5001
warning: Skep\Client::getpeername(): client is not connected to server
getpeername: false errCode 5001
warning: Skep\Client::getSocket(): client is not connected to server
getSocket: false errCode 5001
warning: Skep\Client::enableSSL(): client is not connected to server
enableSSL: false errCode 5001
warning: Skep\Client::getPeerCert(): client is not connected to server
getPeerCert: false errCode 5001
warning: Skep\Client::verifyPeerCert(): client is not connected to server
verifyPeerCert: false errCode 5001
bool(false)
warning: Skep\Client::connect(): The host is empty
connect: false errCode 505
warning: Skep\Client::connect(): The port is invalid
connect: false errCode 505
warning: Skep\Client::connect(): The port is invalid
connect: false errCode 505
warning: Skep\Client::connect(): The port is invalid
connect: false errCode 505
warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: Connection refused[111]
connect: false errCode 111
warning: Skep\Client::connect(): connect to server[no such host:80] failed. Error: DNS Lookup resolve failed[711]
connect: false errCode 711
warning: Skep\Client::connect(): connect to server[%s:80] failed. Error: DNS Lookup resolve failed[711]
connect: false errCode 711
warning: Skep\Client::connect(): The sock_flag 1 is for datagrams: this client always waits until it is connected
connect: false errCode 505
warning: Skep\Client::connect(): The sock_flag is unknown
connect: false errCode 505
warning: Skep\Client::connect(): connection to the server has already been established
connect: false errCode 106
warning: Skep\Client::send(): data to send is empty
send: false errCode 550
warning: Skep\Client::send(): failed to send(N) 5 bytes, Error: Invalid argument[22]
send: false errCode 22
warning: Skep\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]
recv: false errCode 11
warning: Skep\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]
recv: false errCode 11
warning: Skep\Client::recv(): recv() failed, Error: Invalid argument[22]
recv: false errCode 22
warning: Skep\Client::shutdown(): shutdown() failed. Error: 7 is none of SHUT_RD, SHUT_WR, SHUT_RDWR
shutdown: false errCode 22
warning: Skep\Client::getPeerCert(): SSL is not ready
getPeerCert: false errCode 1011
warning: Skep\Client::verifyPeerCert(): SSL is not ready
verifyPeerCert: false errCode 1011
warning: Skep\Client::sendto(): sendto() is for SWOOLE_SOCK_UDP, UDP6 and UNIX_DGRAM
sendto: false errCode 507
warning: Skep\Client::sendfile(): file to send is empty
sendfile: false errCode 505
warning: Skep\Client::sendfile(): sendfile() failed. Error: No such file or directory[2]
sendfile: false errCode 2
warning: Skep\Client::sendfile(): sendfile() failed. Error: Server is not regular file[9013]
sendfile: false errCode 9013
warning: Skep\Client::sendfile(): sendfile() failed. Error: File empty[702]
sendfile: false errCode 702
warning: Skep\Client::sendfile(): sendfile() failed. Error: Invalid params[505]
sendfile: false errCode 505
send: 1 errCode 0
recv: '' errCode 0
close: true errCode 0
warning: Skep\Client::close(): client is not connected to the server
close: false errCode 5001
warning: Skep\Client::sendto(): data to send is empty
sendto: false errCode 550
warning: Skep\Client::sendto(): failed to send 1 bytes to 127.0.0.1:70000, Error: Bad port[723]
sendto: false errCode 723
warning: Skep\Client::sendto(): failed to send 1 bytes to no such host:9, Error: DNS Lookup resolve failed[711]
sendto: false errCode 711
warning: Skep\Client::sendfile(): dgram socket cannot use sendfile
sendfile: false errCode 507
warning: Skep\Client::enableSSL(): failed to enable SSL, Error: Wrong operation[509]
enableSSL: false errCode 509
warning: Skep\Client::getpeername(): getpeername() failed. Error: Transport endpoint is not connected[107]
getpeername: false errCode 107
warning: Skep\Client::set(): package_eof max length is 8
set: false errCode 505
warning: Skep\Client::set(): unknown package_length_type, see pack(). Link: https://php.net/pack
set: false errCode 505
warning: Skep\Client::set(): function 'no_such_function' is not callable
set: false errCode 505
warning: Skep\Client::set(): ssl_passphrase: encrypted keys cannot be read; use a key without a passphrase
set: false errCode 505
warning: Skep\Client::set(): bind_port is not in 0..=65535
set: false errCode 505
set: false errCode 505
warning: unsupported option [worker_num]
set: true errCode 505
{"read_timeout":%d,"worker_num":4,"timeout":1}
