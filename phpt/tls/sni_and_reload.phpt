--TEST--
ssl_sni_certs as an array, and reloadTls(): new clients see the new certificates, old sessions go on
--SKIPIF--
<?php require __DIR__ . '/../include/tls.inc'; skip_without_openssl(); ?>
--FILE--
<?php
require __DIR__ . '/../include/tls.inc';

$dir = certificates('own.test', 'exact.test', 'wild.test');
$run = serve(<<<'PHP'
$dir = getenv('CERTIFICATES');
$files = fn ($name) => ['ssl_cert_file' => "$dir/$name.crt", 'ssl_key_file' => "$dir/$name.key"];
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set(['worker_num' => 1, 'log_file' => getenv('SKEP_DIR') . '/log']);
$tls = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$tls->set($files('own.test') + [
    'ssl_sni_certs' => ['exact.test' => $files('exact.test'), '*.wild.test' => $files('wild.test')],
]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $server->send($fd, trim($data) === 'renew' ? json_encode($server->reloadTls()) . "\n.\n" : "got $data");
});
announce($tls->port);
$server->start();
PHP, env: ['CERTIFICATES' => $dir]);
$port = $run->port();
foreach (['exact.test', 'EXACT.test', 'a.wild.test', 'a.b.wild.test', 'wild.test'] as $name) {
    echo "$name: ", shown($port, "-servername $name"), "\n";
}
echo 'none: ', shown($port), "\n";

$pipes = [];
$old = proc_open(
    "exec openssl s_client -connect 127.0.0.1:$port -quiet -nocommands 2>/dev/null",
    [['pipe', 'r'], ['pipe', 'w']],
    $pipes,
);
fwrite($pipes[0], "before\n");
echo fgets($pipes[1]);
certificate($dir, 'own.test', 77);
echo 'reloadTls(): ', ask_tls($port, "renew\n");
$run->expectLog('TLS certificates read again');
echo 'none: ', shown($port), "\n";
fwrite($pipes[0], "after\n");
echo fgets($pipes[1]);
file_put_contents("$dir/own.test.crt", '');
ask_tls($port, "renew\n");
$run->expectLog('the TLS certificates stay as they were');
echo 'none: ', shown($port), "\n";
certificate($dir, 'own.test', 78);
$run->kill(10);
$run->expectLog('TLS certificates read again', 2);
echo 'none: ', shown($port), "\n";
fwrite($pipes[0], "at last\n");
echo fgets($pipes[1]);
array_map('fclose', $pipes);
proc_terminate($old);
proc_close($old);
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
exact.test: exact.test serial=02
EXACT.test: exact.test serial=02
a.wild.test: wild.test serial=03
a.b.wild.test: own.test serial=01
wild.test: own.test serial=01
none: own.test serial=01
got before
reloadTls(): true
.
none: own.test serial=4D
got after
none: own.test serial=4D
none: own.test serial=4E
got at last
exit code 0
