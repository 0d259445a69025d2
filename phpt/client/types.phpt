--TEST--
Skep\Client: each type of socket talks to a server, and says who is who
--DESCRIPTION--
A unix datagram client has a name of its own, so it is answered; it leaves no file. Datagrams may be sent without
connect(). A port of IPv6 knows IPv4 too.
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$run = serve(<<<'PHP'
$server = server();
$dir = getenv('SKEP_DIR');
$ports = [
    'tcp6' => $server->listen('::1', 0, SWOOLE_SOCK_TCP6),
    'unix' => $server->listen("$dir/stream", 0, SWOOLE_SOCK_UNIX_STREAM),
    'udp' => $server->listen('127.0.0.1', 0, SWOOLE_SOCK_UDP),
    'udp6' => $server->listen('::1', 0, SWOOLE_SOCK_UDP6),
    'dgram' => $server->listen("$dir/dgram", 0, SWOOLE_SOCK_UNIX_DGRAM),
];
$server->on('packet', function ($server, $data, $client) {
    $server->sendto($client['address'], $client['port'] ?? 0, "got $data", $client['server_socket']);
});
$server->on('start', fn () => file_put_contents("$dir/ports", json_encode(array_map(fn ($port) => $port->port, $ports))));
$server->start();
PHP);
$tcp = $run->port();
$ports = json_decode((string)eventually(fn () => @file_get_contents($run->path('ports'))), true);
$dir = $run->dir();
foreach ([
    'tcp' => [SWOOLE_SOCK_TCP, '127.0.0.1', $tcp],
    'tcp by name' => [SWOOLE_SOCK_TCP, 'localhost', $tcp],
    'tcp6' => [SWOOLE_SOCK_TCP6, '::1', $ports['tcp6']],
    'tcp6 to IPv4' => [SWOOLE_SOCK_TCP6, '127.0.0.1', $tcp],
    'tcp to IPv6' => [SWOOLE_SOCK_TCP, '::1', $ports['tcp6']],
    'unix' => [SWOOLE_SOCK_UNIX_STREAM, "$dir/stream", 0],
    'udp' => [SWOOLE_SOCK_UDP, '127.0.0.1', $ports['udp']],
    'udp6' => [SWOOLE_SOCK_UDP6, '::1', $ports['udp6']],
    'dgram' => [SWOOLE_SOCK_UNIX_DGRAM, "$dir/dgram", 0],
] as $what => [$type, $host, $port]) {
    $client = new Skep\Client($type);
    var_dump($client->connect($host, $port, DEADLINE));
    $sent = $client->send('hello');
    $answer = $client->recv();
    $peer = $client->getpeername();
    $own = $client->getsockname();
    $clean = fn (array $name) => str_replace($dir, 'DIR', preg_replace('/[^ -~].*/s', 'abstract', $name['host']));
    echo "$what: $sent $answer, from ", $clean($own), ' to ', $clean($peer), $peer['port'] === $port ? '' : ', another port', "\n";
    if (str_starts_with($what, 'udp')) { // one peer alone
        $client->close();
        $client->connect($host, $port, DEADLINE, 1);
        $client->send('fixed');
        echo $client->recv(), "\n";
    }
    var_dump($client->close(), $client->isConnected(), $client->sock);
}
$client = new Skep\Client(SWOOLE_SOCK_UDP);
$client->set(['timeout' => DEADLINE]);
var_dump($client->sendto('127.0.0.1', $ports['udp'], 'without connect'), $client->sock > 0, $client->recv(5), $client->close());

$client = new Skep\Client(SWOOLE_SOCK_UNIX_DGRAM);
$client->set(['bind_address' => "$dir/own", 'timeout' => DEADLINE]);
$client->connect("$dir/dgram");
$client->send('named');
var_dump($client->recv(), basename($client->getsockname()['host']), file_exists("$dir/own"), $client->close(), file_exists("$dir/own"));

$client = new Skep\Client(SWOOLE_SOCK_TCP);
$client->set(['bind_address' => '127.0.0.2', 'open_tcp_nodelay' => false, 'socket_buffer_size' => '128K']);
$client->connect('127.0.0.1', $tcp, DEADLINE);
var_dump($client->getsockname()['host']);
$client->close();
$listener = stream_socket_server('tcp://127.0.0.2:0');
$free = (int)substr(strrchr(stream_socket_get_name($listener, false), ':'), 1);
fclose($listener);
$client->set(['bind_port' => $free]);
$client->connect('127.0.0.1', $tcp, DEADLINE);
var_dump($client->getsockname() === ['port' => $free, 'host' => '127.0.0.2']);
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
bool(true)
tcp: 5 got hello, from 127.0.0.1 to 127.0.0.1
bool(true)
bool(false)
int(-1)
bool(true)
tcp by name: 5 got hello, from 127.0.0.1 to 127.0.0.1
bool(true)
bool(false)
int(-1)
bool(true)
tcp6: 5 got hello, from ::1 to ::1
bool(true)
bool(false)
int(-1)
bool(true)
tcp6 to IPv4: 5 got hello, from 127.0.0.1 to 127.0.0.1
bool(true)
bool(false)
int(-1)
bool(true)
tcp to IPv6: 5 got hello, from ::1 to ::1
bool(true)
bool(false)
int(-1)
bool(true)
unix: 5 got hello, from  to DIR/stream
bool(true)
bool(false)
int(-1)
bool(true)
udp: 5 got hello, from 0.0.0.0 to 127.0.0.1
got fixed
bool(true)
bool(false)
int(-1)
bool(true)
udp6: 5 got hello, from :: to ::1
got fixed
bool(true)
bool(false)
int(-1)
bool(true)
dgram: 5 got hello, from abstract to DIR/dgram
bool(true)
bool(false)
int(-1)
bool(true)
bool(true)
string(5) "got w"
bool(true)
string(9) "got named"
string(3) "own"
bool(true)
bool(true)
bool(false)
string(9) "127.0.0.2"
bool(true)
exit code 0
