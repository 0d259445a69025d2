--TEST--
Skep\Client under TLS: framing, files, certificates of both sides, enableSSL()
--SKIPIF--
<?php require __DIR__ . '/../include/tls.inc'; skip_without_openssl(); ?>
--FILE--
<?php
require __DIR__ . '/../include/client.inc';
require __DIR__ . '/../include/tls.inc';

$dir = certificates('authority', 'client');
certificate($dir, 'stranger', 9);
// Names are looked for where they belong today: in the list of alternative ones.
exec("cd $dir && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout server.key -out server.csr 2>&1"
    . ' && printf "basicConstraints=CA:FALSE\nsubjectAltName=DNS:server.test,IP:127.0.0.1\n" > san.ext'
    . ' && openssl x509 -req -in server.csr -CA authority.crt -CAkey authority.key -extfile san.ext -set_serial 5 -days 2 -out server.crt 2>&1', $output, $code);
$code and die(implode("\n", $output));
mkdir("$dir/authorities") && copy("$dir/authority.crt", "$dir/authorities/one.pem");
$run = serve(<<<'PHP'
$dir = getenv('CERTIFICATES');
$keys = ['ssl_cert_file' => "$dir/server.crt", 'ssl_key_file' => "$dir/server.key", 'open_eof_split' => true, 'package_eof' => "\n",
    'package_max_length' => 8 << 20];
$server = server();
$tls = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$tls->set($keys);
$checked = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$checked->set($keys + ['ssl_cafile' => "$dir/authority.crt", 'ssl_verify_peer' => true]);
$old = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$old->set($keys + ['ssl_protocols' => SWOOLE_SSL_TLSv1_2]);
$unix = $server->listen(getenv('SKEP_DIR') . '/tls', 0, SWOOLE_SOCK_UNIX_STREAM | SWOOLE_SSL);
$unix->set($keys);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $info = $server->getClientInfo($fd);
    $server->send($fd, strlen($data) > 1000 ? md5($data) . "\n" : "got " . rtrim($data) . " {$info['ssl_protocol']} {$info['ssl_server_name']}\nnext\n");
});
$alone = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$alone->set(['ssl_cert_file' => "$dir/stranger.crt", 'ssl_key_file' => "$dir/stranger.key"] + $keys);
$ports = array_map(fn ($port) => $port->port, compact('server', 'tls', 'checked', 'old', 'alone'));
$server->on('start', fn () => file_put_contents(getenv('SKEP_DIR') . '/ports', json_encode($ports)));
$server->start();
PHP, env: ['CERTIFICATES' => $dir]);
$run->port();
$ports = json_decode((string)eventually(fn () => @file_get_contents($run->path('ports'))), true);
$lines = ['open_eof_split' => true, 'package_eof' => "\n", 'timeout' => DEADLINE];
$connect = function (string $what, int $port, array $settings = [], string $host = '127.0.0.1') use ($lines, $dir) {
    $client = new Skep\Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
    $client->set($settings + $lines) or die;
    ob_start();
    $connected = $client->connect($host, $port, DEADLINE);
    $said = str_replace([":$port]", $dir], [':PORT]', 'DIR'], ob_get_clean());
    echo "$what: ", $said, $connected ? '' : "errCode $client->errCode\n";
    if ($connected) {
        $client->send("hello\n");
        echo json_encode([@$client->recv(), @$client->recv()]), "\n";
    }
    return $client;
};
$authority = ['ssl_verify_peer' => true, 'ssl_cafile' => "$dir/authority.crt"];
$client = $connect('unchecked', $ports['tls'], ['ssl_disable_compression' => true]);
$certificate = openssl_x509_parse($client->getPeerCert());
echo $certificate['extensions']['subjectAltName'], "\n";
var_dump(@$client->verifyPeerCert(), $client->errCode);
$client->set(['ssl_cafile' => "$dir/authority.crt"]);
var_dump($client->verifyPeerCert());
$client->set(['ssl_host_name' => 'other.test']);
var_dump($client->verifyPeerCert());
$long = random_bytes(1 << 20);
$long = strtr($long, "\n", ' ');
var_dump($client->send("$long\n") === strlen($long) + 1, $client->recv() === md5("$long\n") . "\n");
file_put_contents("$dir/file", "$long\n");
var_dump($client->sendfile("$dir/file"), $client->recv() === md5("$long\n") . "\n");
var_dump($client->sendfile("$dir/file", strlen($long) - 2000), $client->recv() === md5(substr("$long\n", -2001)) . "\n");
var_dump($client->shutdown(Skep\Client::SHUT_WR), $client->recv(), $client->errCode, $client->close());

$connect('checked by address', $ports['tls'], $authority);
$connect('checked by name', $ports['tls'], ['ssl_host_name' => 'server.test', 'ssl_cafile' => '', 'ssl_capath' => "$dir/authorities"] + $authority);
$connect('of another name', $ports['tls'], ['ssl_host_name' => 'other.test'] + $authority);
$connect('of another authority', $ports['tls'], ['ssl_cafile' => "$dir/stranger.crt"] + $authority);
$connect('self-signed allowed, this is not', $ports['tls'], ['ssl_cafile' => "$dir/stranger.crt", 'ssl_allow_self_signed' => true] + $authority);
$connect('self-signed', $ports['alone'], $authority);
$connect('self-signed and allowed', $ports['alone'], ['ssl_allow_self_signed' => true] + $authority);
$connect('trusted as it stands', $ports['alone'], ['ssl_cafile' => "$dir/stranger.crt"] + $authority);
$connect('no authority', $ports['tls'], ['ssl_cafile' => "$dir/nowhere.crt"] + $authority);
$connect('system authorities', $ports['tls'], ['ssl_verify_peer' => true]);
$connect('own certificate', $ports['checked'], ['ssl_cert_file' => "$dir/client.crt", 'ssl_key_file' => "$dir/client.key"] + $authority);
$connect('key of another', $ports['checked'], ['ssl_cert_file' => "$dir/client.crt", 'ssl_key_file' => "$dir/stranger.key"]);
$connect('version 1.2', $ports['tls'], ['ssl_protocols' => SWOOLE_SSL_TLSv1_2, 'ssl_ciphers' => 'ECDHE-ECDSA-AES128-GCM-SHA256']);
$connect('no common version', $ports['old'], ['ssl_protocols' => SWOOLE_SSL_TLSv1_3]);
$connect('not TLS at all', $ports['server']);

$unix = new Skep\Client(SWOOLE_SOCK_UNIX_STREAM | SWOOLE_SSL);
$unix->set($lines + $authority);
var_dump($unix->connect($run->path('tls'), 0, DEADLINE), $unix->send("unix\n"), $unix->recv());

echo "-- TLS later\n";
$later = new Skep\Client(SWOOLE_SOCK_TCP);
$later->set($lines + $authority);
$later->connect('127.0.0.1', $ports['tls'], DEADLINE);
var_dump($later->enableSSL(), $later->send("later\n"), $later->recv(), $later->enableSSL(), strlen($later->getPeerCert()) > 100, $later->verifyPeerCert());
$later->close();
$later->set(['ssl_host_name' => 'other.test']);
$later->connect('127.0.0.1', $ports['tls'], DEADLINE);
var_dump($later->enableSSL(), $later->isConnected());

echo "-- an end without farewell, an answer before TLS\n";
$keep = new Skep\Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
$keep->set(['timeout' => DEADLINE]);
$keep->connect('127.0.0.1', $ports['tls'], DEADLINE);
$run->kill(9);
var_dump((string)@$keep->recv(), in_array($keep->errCode, [1017, 104]));
$peer = new Peer(function ($connection) { fwrite($connection, "220 ready\r\nforged"); fread($connection, 1); });
$client = $peer->client(['open_eof_split' => true]);
$client->set(['package_eof' => "\n"]);
var_dump($client->recv(), $client->enableSSL());
array_map('unlink', glob("$dir/authorities/*"));
rmdir("$dir/authorities");
$run->wait();
?>
--EXPECTF--
unchecked: ["got hello TLSv1.3 \n","next\n"]
DNS:server.test, IP Address:127.0.0.1
bool(false)
int(1014)
bool(true)
warning: Skep\Client::verifyPeerCert(): can not verify peer, Error: SSL verify failed[1014]: certificate is for another name
bool(false)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
string(0) ""
int(0)
bool(true)
checked by address: ["got hello TLSv1.3 \n","next\n"]
checked by name: ["got hello TLSv1.3 server.test\n","next\n"]
of another name: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL verify failed[1014]: certificate is for another name
errCode 1014
of another authority: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL verify failed[1014]: unable to get local issuer certificate
errCode 1014
self-signed allowed, this is not: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL verify failed[1014]: unable to get local issuer certificate
errCode 1014
self-signed: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL verify failed[1014]: self signed certificate
errCode 1014
self-signed and allowed: ["got hello TLSv1.3 \n","next\n"]
trusted as it stands: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL verify failed[1014]: certificate is for another name
errCode 1014
no authority: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL create context failed[1019]: ssl_cafile[DIR/nowhere.crt] not found
errCode 1019
system authorities: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL %s
errCode %d
own certificate: ["got hello TLSv1.3 \n","next\n"]
key of another: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL create context failed[1019]: ssl key file[DIR/stranger.key] does not match the certificate of ssl cert file[DIR/client.crt]
errCode 1019
version 1.2: ["got hello TLSv1.2 \n","next\n"]
no common version: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL handshake failed[1018]: received fatal alert: ProtocolVersion
errCode 1018
not TLS at all: warning: Skep\Client::connect(): connect to server[127.0.0.1:PORT] failed. Error: SSL handshake failed[1018]: received corrupt message of type InvalidContentType
errCode 1018
bool(true)
int(5)
string(18) "got unix TLSv1.3 
"
-- TLS later
warning: Skep\Client::enableSSL(): failed to enable SSL, Error: Wrong operation[509]
bool(true)
int(6)
string(19) "got later TLSv1.3 
"
bool(false)
bool(true)
bool(true)
warning: Skep\Client::enableSSL(): failed to enable SSL, Error: SSL verify failed[1014]: certificate is for another name
bool(false)
bool(false)
-- an end without farewell, an answer before TLS
string(0) ""
bool(true)
warning: Skep\Client::enableSSL(): failed to enable SSL, Error: Wrong operation[509]: bytes have come that are not read yet
string(11) "220 ready
"
bool(false)
