--TEST--
Files and long sends under TLS
--DESCRIPTION--
They are read block by block and encrypted, in order with everything else.
--SKIPIF--
<?php if (!extension_loaded('openssl')) die('skip needs openssl'); ?>
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$key = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1']);
$certificate = openssl_csr_sign(openssl_csr_new(['commonName' => 'localhost'], $key), null, $key, 1, ['digest_alg' => 'sha256']);
openssl_pkey_export_to_file($key, __DIR__ . '/key');
openssl_x509_export_to_file($certificate, __DIR__ . '/certificate');
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$server->set(['worker_num' => 1, 'log_file' => __DIR__ . '/log', 'ssl_cert_file' => __DIR__ . '/certificate', 'ssl_key_file' => __DIR__ . '/key']);
$server->on('start', function ($server) { file_put_contents(__DIR__ . '/port', $server->port); });
$server->on('receive', function ($server, $fd) {
    $server->send($fd, 'head');
    $server->sendfile($fd, __DIR__ . '/content');
    $server->send($fd, str_repeat('0123456789abcdef', 1 << 18));
    $server->sendfile($fd, __DIR__ . '/content', 100, 70000);
    $server->close($fd);
});
$server->start();
PHP);
$content = random_bytes((3 << 20) + 17);
file_put_contents($run->dir() . '/content', $content);
$port = $run->port();
$context = stream_context_create(['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]]);
$socket = stream_socket_client("tls://127.0.0.1:$port", $errno, $error, 10, STREAM_CLIENT_CONNECT, $context);
stream_set_timeout($socket, 10);
fwrite($socket, 'go');
$expected = 'head' . $content . str_repeat('0123456789abcdef', 1 << 18) . substr($content, 100, 70000);
$got = stream_get_contents($socket);
var_dump(strlen($got) === strlen($expected), $got === $expected);
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
bool(true)
bool(true)
exit code 0
