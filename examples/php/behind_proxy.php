<?php
// A server behind a balancer that knows who its clients really are.
//
//     php -d extension=php-ext/modules/skep.so examples/php/behind_proxy.php [port] [host] [from]
//     printf 'PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\nhello\n' | nc -N 127.0.0.1 9506
//
// Behind a balancer every connection comes from the balancer's address. With the PROXY protocol (HAProxy: send-proxy
// or send-proxy-v2; nginx: proxy_protocol on) it begins with a header that names the client, as printf plays above.
// skep reads the header, in both versions, and takes it off: callbacks see the client's address and bytes only.

require __DIR__ . '/arguments.php';
[$port, $host, $from] = arguments(['port' => 9506, 'host' => '127.0.0.1', 'from' => '127.0.0.1']);

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 2,
    'open_eof_split' => true,
    'package_eof' => "\n",
    'proxy_protocol' => true,
    // The balancers, as addresses or networks such as 10.0.0.0/8. Anybody else is turned away: a header is believed,
    // so a stranger could pretend to be whoever he likes.
    'proxy_protocol_from' => $from,
    'proxy_protocol_timeout' => 5, // seconds that the header may take
]);
$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: printf 'PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\\r\\nhello\\n' | nc -N {$server->host} {$server->port}\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $line): void {
    $client = $server->getClientInfo($fd);
    $server->send($fd, "you are {$client['remote_ip']}:{$client['remote_port']} and said " . trim($line) . "\n");
});
$server->start();
