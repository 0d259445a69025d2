--TEST--
getClientInfo() of a session under TLS
--DESCRIPTION--
The client's certificate stands where scripts expect it; what else was agreed on comes last.
--SKIPIF--
<?php if (!extension_loaded('openssl')) die('skip needs openssl'); ?>
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
foreach (['server', 'client'] as $name) {
    $key = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1']);
    $certificate = openssl_csr_sign(openssl_csr_new(['commonName' => $name], $key), null, $key, 1, ['digest_alg' => 'sha256']);
    openssl_pkey_export_to_file($key, __DIR__ . "/$name.key");
    openssl_x509_export_to_file($certificate, __DIR__ . "/$name.pem");
}
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$server->set(['worker_num' => 1, 'log_file' => __DIR__ . '/log', 'ssl_cert_file' => __DIR__ . '/server.pem',
    'ssl_key_file' => __DIR__ . '/server.key', 'ssl_verify_peer' => true, 'ssl_allow_self_signed' => true,
    'ssl_client_cert_file' => __DIR__ . '/client.pem']);
$server->on('start', fn ($server) => announce($server->port));
$server->on('receive', function ($server, $fd) {
    $info = $server->getClientInfo($fd);
    $server->send($fd, json_encode([array_keys($info), openssl_x509_parse($info['ssl_client_cert'])['subject'],
        $info['ssl_protocol'], $info['ssl_cipher'], $info['ssl_alpn'], $info['ssl_server_name']]));
});
$server->start();
PHP);
$port = $run->port();
$context = stream_context_create(['ssl' => ['verify_peer' => false, 'verify_peer_name' => false, 'peer_name' => 'some.host',
    'local_cert' => $run->path('client.pem'), 'local_pk' => $run->path('client.key')]]);
$socket = stream_socket_client("tls://127.0.0.1:$port", $errno, $error, 10, STREAM_CLIENT_CONNECT, $context);
stream_set_timeout($socket, 10);
fwrite($socket, 'x');
echo fread($socket, 8192), "\n";
echo 'exit code ', $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECTF--
[["worker_id","ssl_client_cert","server_port","server_fd","socket_fd","socket_type","remote_port","remote_ip","reactor_id","connect_time","last_time","last_recv_time","last_send_time","last_dispatch_time","close_errno","recv_queued_bytes","send_queued_bytes","ssl_protocol","ssl_cipher","ssl_alpn","ssl_server_name"],{"CN":"client"%s},"TLSv1.3","TLS_%s","","some.host"]
exit code 0
%A
