<?php
// An echo server under TLS.
//
//     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
//         -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem
//     php -d extension=php-ext/modules/skep.so examples/php/tls.php [port] [host] [certificate] [key]
//     openssl s_client -quiet -CAfile cert.pem -verify_return_error -servername localhost -connect 127.0.0.1:9504
//
// The callbacks see plain bytes; the encryption is done where the connections are read and written, in the master.
// After a renewal of the files `kill -USR1 <master>` has new connections use them; those that are open stay.

require __DIR__ . '/arguments.php';
[$port, $host, $certificate, $key] = arguments([
    'port' => 9504,
    'host' => '127.0.0.1',
    'certificate' => 'cert.pem',
    'key' => 'key.pem',
]);

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$server->set([
    'worker_num' => 2,
    'ssl_cert_file' => $certificate,
    'ssl_key_file' => $key,
]);
$server->on('start', function (Skep\Server $server) use ($certificate): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: openssl s_client -quiet -CAfile $certificate -verify_return_error -servername localhost",
        " -connect {$server->host}:{$server->port}\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $data): void {
    $server->send($fd, $data);
});
$server->start();
