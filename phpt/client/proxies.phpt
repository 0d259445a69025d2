--TEST--
Skep\Client behind a SOCKS 5 or an HTTP proxy: what the proxy is asked, and what becomes of its refusals
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

// A proxy that does not connect anywhere: it says what it was asked as the server it pretends to have reached.
$socks = new Peer(function ($connection) {
    $greeting = fread($connection, 3);
    if ($greeting[2] === "\2") {
        fwrite($connection, "\5\2");
        $length = ord(fread($connection, 2)[1]);
        $user = fread($connection, $length);
        $password = fread($connection, ord(fread($connection, 1)));
        fwrite($connection, $password === 'secret' ? "\1\0" : "\1\1");
        if ($password !== 'secret') {
            return stream_get_contents($connection);
        }
    } else {
        fwrite($connection, "\5\0");
    }
    $head = fread($connection, 4);
    $host = match ($head[3]) {
        "\1" => inet_ntop(fread($connection, 4)),
        "\4" => inet_ntop(fread($connection, 16)),
        "\3" => fread($connection, ord(fread($connection, 1))),
    };
    $port = unpack('n', fread($connection, 2))[1];
    foreach (str_split("\5\0\0\3\4name\0\1" . ($user ?? 'nobody') . " at $host $port\n", 1) as $byte) {
        fwrite($connection, $byte);
    }
    stream_get_contents($connection);
});
$http = new Peer(function ($connection) {
    $request = '';
    while (!str_ends_with($request, "\r\n\r\n")) {
        $request .= fread($connection, 1);
    }
    fwrite($connection, str_contains($request, 'forbidden')
        ? "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        : "HTTP/1.1 200 OK\r\nVia: nobody\r\n\r\n" . strtr($request, "\r\n", '||') . "\n");
    stream_get_contents($connection);
});
$ask = function (array $settings, string $host, int $port) {
    $client = new Skep\Client(SWOOLE_SOCK_TCP);
    $client->set($settings + ['open_eof_split' => true, 'package_eof' => "\n", 'timeout' => DEADLINE]);
    echo $client->connect($host, $port, DEADLINE) ? $client->recv() : "errCode $client->errCode\n";
};
$by = ['socks5_host' => '127.0.0.1', 'socks5_port' => $socks->port];
$ask($by, 'example.test', 80);
$ask($by, '192.0.2.1', 65535);
$ask($by, '2001:db8::1', 1);
$ask($by + ['socks5_username' => 'user', 'socks5_password' => 'secret'], 'example.test', 80);
$ask($by + ['socks5_username' => 'user', 'socks5_password' => 'wrong'], 'example.test', 80);
$by = ['http_proxy_host' => '127.0.0.1', 'http_proxy_port' => $http->port];
$ask($by, 'example.test', 80);
$ask($by, '2001:db8::1', 1);
$ask($by + ['http_proxy_user' => 'user', 'http_proxy_password' => 'secret'], 'example.test', 80);
$ask($by, 'forbidden.test', 80);
$ask($by, "example.test\r\nX: y", 80);
$ask = null;
$client = new Skep\Client(SWOOLE_SOCK_TCP);
$client->set(['socks5_host' => '127.0.0.1', 'socks5_port' => $http->port]);
var_dump($client->connect('example.test', 80, 0.2));
?>
--EXPECTF--
nobody at example.test 80
nobody at 192.0.2.1 65535
nobody at 2001:db8::1 1
user at example.test 80
warning: Skep\Client::connect(): connect to server[example.test:80] failed. Error: Socks5 auth failed[7003]
errCode 7003
CONNECT example.test:80 HTTP/1.1||Host: example.test:80||||
CONNECT [2001:db8::1]:1 HTTP/1.1||Host: [2001:db8::1]:1||||
CONNECT example.test:80 HTTP/1.1||Host: example.test:80||Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=||||
warning: Skep\Client::connect(): connect to server[forbidden.test:80] failed. Error: Http proxy handshake failed[7103]: the proxy says 407 Proxy Authentication Required
errCode 7103
warning: Skep\Client::connect(): connect to server[example.test%A:80] failed. Error: Invalid argument[22]
errCode 22
warning: Skep\Client::connect(): connect to server[example.test:80] failed. Error: Connection timed out[110]
bool(false)
