--TEST--
getClientInfo() of sessions under TLS and of plain ones: which keys, in which order
--SKIPIF--
<?php require __DIR__ . '/../include/tls.inc'; skip_without_openssl(); ?>
--FILE--
<?php
require __DIR__ . '/../include/tls.inc';

$dir = certificates('authority', 'client', 'localhost');
$run = serve(<<<'PHP'
$dir = getenv('CERTIFICATES');
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$server->set([
    'worker_num' => 1,
    'log_file' => getenv('SKEP_DIR') . '/log',
    'ssl_cert_file' => "$dir/localhost.crt",
    'ssl_key_file' => "$dir/localhost.key",
    'ssl_client_cert_file' => "$dir/authority.crt",
    'ssl_alpn' => ['h2', 'echo'],
]);
$plain = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$plain->set([]);
$server->on('connect', function ($server, $fd) {
    say('in connect: ' . (isset($server->getClientInfo($fd)['ssl_client_cert']) ? 'shown' : 'none'));
});
$server->on('receive', function ($server, $fd, $reactor, $data) use ($dir) {
    $info = $server->getClientInfo($fd);
    $tls = array_filter($info, fn ($key) => str_starts_with($key, 'ssl_'), ARRAY_FILTER_USE_KEY);
    $same = ($tls['ssl_client_cert'] ?? '') === file_get_contents("$dir/client.crt");
    unset($tls['ssl_client_cert']);
    $server->send($fd, implode(' ', array_keys($info)) . "\n" . json_encode([$same] + $tls) . "\n.\n");
});
$server->on('close', fn () => null);
say("plain $plain->port");
announce($server->port);
$server->start();
PHP, env: ['CERTIFICATES' => $dir]);
$port = $run->port();
echo ask_tls($port, "x\n", "-cert $dir/client.crt -key $dir/client.key -alpn echo -servername some.test -tls1_3");
echo ask_tls($port, "x\n", '-tls1_2 -noservername');
$plain = stream_socket_client('tcp://127.0.0.1:' . $run->lines('plain ')[0]);
fwrite($plain, "x\n");
echo fread($plain, 65536);
fclose($plain);
$run->stop();
echo implode("\n", $run->lines('in connect: ')), "\n";
?>
--EXPECT--
worker_id ssl_client_cert server_port server_fd socket_fd socket_type remote_port remote_ip reactor_id connect_time last_time last_recv_time last_send_time last_dispatch_time close_errno recv_queued_bytes send_queued_bytes ssl_protocol ssl_cipher ssl_alpn ssl_server_name
{"0":true,"ssl_protocol":"TLSv1.3","ssl_cipher":"TLS_AES_256_GCM_SHA384","ssl_alpn":"echo","ssl_server_name":"some.test"}
.
worker_id server_port server_fd socket_fd socket_type remote_port remote_ip reactor_id connect_time last_time last_recv_time last_send_time last_dispatch_time close_errno recv_queued_bytes send_queued_bytes ssl_protocol ssl_cipher ssl_alpn ssl_server_name
{"0":false,"ssl_protocol":"TLSv1.2","ssl_cipher":"ECDHE-ECDSA-AES256-GCM-SHA384","ssl_alpn":"","ssl_server_name":""}
.
worker_id server_port server_fd socket_fd socket_type remote_port remote_ip reactor_id connect_time last_time last_recv_time last_send_time last_dispatch_time close_errno recv_queued_bytes send_queued_bytes
[false]
.
shown
none
none
