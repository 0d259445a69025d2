--TEST--
Clients of a TLS port: with and without certificates, of old versions, in plain text; a secondary port with settings of its own
--SKIPIF--
<?php require __DIR__ . '/../include/tls.inc'; skip_without_openssl(); ?>
--FILE--
<?php
require __DIR__ . '/../include/tls.inc';

$dir = certificates('authority', 'client', 'localhost');
certificate($dir, 'stranger', 9);
$run = serve(<<<'PHP'
$dir = getenv('CERTIFICATES');
$server = server([], false);
$checked = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$checked->set([
    'ssl_cert_file' => "$dir/localhost.crt",
    'ssl_key_file' => "$dir/localhost.key",
    'ssl_cafile' => "$dir/authority.crt",
    'ssl_verify_peer' => true,
    'ssl_protocols' => SWOOLE_SSL_TLSv1_3,
    'ssl_handshake_timeout' => 2, // what openssl may take on a busy machine
    'open_eof_split' => true,
    'package_eof' => "\n",
]);
$server->on('connect', fn ($server, $fd) => say("connect $fd"));
$server->on('close', fn ($server, $fd) => say("close $fd"));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $server->send($fd, "got $data");
    $server->send($fd, 'aborted ' . $server->stats()['abort_count'] . "\n.\n");
});
announce($checked->port);
$server->start();
PHP, env: ['CERTIFICATES' => $dir]);
$port = $run->port();
$show = fn (string $who, string $answer) => print("$who: " . strtr($answer, "\n", ' ') . "\n");
$show('known', ask_tls($port, "one\n", "-cert $dir/client.crt -key $dir/client.key"));
$show('nobody', ask_tls($port, "one\n"));
$show('stranger', ask_tls($port, "one\n", "-cert $dir/stranger.crt -key $dir/stranger.key"));
$show('old', ask_tls($port, "one\n", "-cert $dir/client.crt -key $dir/client.key -tls1_2"));
$plain = $run->connect();
fwrite($plain, "GET / HTTP/1.0\r\n\r\n");
$show('plain', var_export(fread($plain, 100), true) . (feof($plain) ? ' and the end' : ''));
$silent = $run->connect();
$name = stream_socket_get_name($silent, false);
$show('silent', var_export(fread($silent, 100), true) . (feof($silent) ? ' and the end' : ''));
$run->expectLog("client[$name] was too slow to begin its session");
$show('known', ask_tls($port, "two\n", "-cert $dir/client.crt -key $dir/client.key"));
$run->expect('close ', 2);
$run->stop();
foreach ($run->lines('connect ') as $fd) {
    echo "session $fd, ended ", count(preg_grep("/^$fd\$/", $run->lines('close '))), " times\n";
}
?>
--EXPECT--
known: got one aborted 0 . 
nobody: 
stranger: 
old: 
plain: '' and the end
silent: '' and the end
known: got two aborted 5 . 
session 1, ended 1 times
session 7, ended 1 times
