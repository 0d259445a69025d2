--TEST--
What a TLS port does not start with, and which settings are refused
--SKIPIF--
<?php require __DIR__ . '/../include/tls.inc'; skip_without_openssl(); ?>
--FILE--
<?php
require __DIR__ . '/../include/tls.inc';

$dir = certificates('one.test', 'two.test');
$attempt = function (string $title, string $settings) use ($dir) {
    $run = serve(<<<PHP
        \$dir = getenv('CERTIFICATES');
        \$own = ['ssl_cert_file' => "\$dir/one.test.crt", 'ssl_key_file' => "\$dir/one.test.key"];
        \$server = new Skep\\Server('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP | SWOOLE_SSL);
        \$server->on('receive', fn () => null);
        \$done = \$server->set($settings + ['worker_num' => 1, 'log_file' => getenv('SKEP_DIR') . '/log']);
        \$done ? \$server->start() : say('refused');
        PHP, env: ['CERTIFICATES' => $dir]);
    $code = $run->wait();
    $said = preg_replace('/( in |\n).*/s', '', ltrim($run->output()));
    echo "$title: $code, ", str_replace([$dir, 'PHP '], '', $said), "\n";
    echo str_replace($dir, '', $run->log());
};
$attempt('nothing', '[]');
$attempt('no key', "['ssl_cert_file' => '/x.crt']");
$attempt('no such file', "['ssl_cert_file' => '/x.crt'] + \$own");
$attempt('no such key', "['ssl_key_file' => '/x.key'] + \$own");
$attempt("another's key", "['ssl_key_file' => \"\$dir/two.test.key\"] + \$own");
$attempt('nobody to ask', "['ssl_verify_peer' => true] + \$own");
$attempt('no such authority', "['ssl_client_cert_file' => '/x.crt'] + \$own");
$attempt('names without names', "['ssl_sni_certs' => [\$own]] + \$own");
$attempt('names without files', "['ssl_sni_certs' => ['a.test' => ['ssl_cert_file' => '/x']]] + \$own");
$attempt('no names', "['ssl_sni_certs' => true] + \$own");
$attempt('compression', "['ssl_compress' => true] + \$own");
$attempt('parameters', "['ssl_dhparam' => '/x'] + \$own");
$attempt('old versions', "['ssl_protocols' => SWOOLE_SSL_TLSv1] + \$own");
?>
--EXPECT--
nothing: 255, Fatal error: Skep\Server::start(): ssl_init() failed
%0 ERROR start() (ERRNO 509): require `ssl_cert_file` and `ssl_key_file` options
no key: 255, Fatal error: Skep\Server::start(): ssl_init() failed
%0 ERROR start() (ERRNO 509): require `ssl_cert_file` and `ssl_key_file` options
no such file: 255, Fatal error: Skep\Server::start(): ssl cert file[/x.crt] not found
%0 ERROR start() (ERRNO 1019): ssl cert file[/x.crt] not found
no such key: 255, Fatal error: Skep\Server::start(): ssl key file[/x.key] not found
%0 ERROR start() (ERRNO 1019): ssl key file[/x.key] not found
another's key: 255, Fatal error: Skep\Server::start(): ssl key file[/two.test.key] does not match the certificate of ssl cert file[/one.test.crt]
%0 ERROR start() (ERRNO 1019): ssl key file[/two.test.key] does not match the certificate of ssl cert file[/one.test.crt]
nobody to ask: 255, Fatal error: Skep\Server::start(): server open verify peer require `ssl_client_cert_file` or `ssl_capath` or `ssl_cafile` config
%0 ERROR start() (ERRNO 1019): server open verify peer require `ssl_client_cert_file` or `ssl_capath` or `ssl_cafile` config
no such authority: 255, Fatal error: Skep\Server::start(): ssl_client_cert_file[/x.crt] not found
%0 ERROR start() (ERRNO 1019): ssl_client_cert_file[/x.crt] not found
names without names: 0, Warning: Skep\Server::set(): ssl_sni_certs array requires string host name keys
names without files: 0, Warning: Skep\Server::set(): invalid SNI_cert setting
no names: 0, Warning: Skep\Server::set(): ssl_sni_certs requires an array mapping host names to cert paths
compression: 0, Warning: Skep\Server::set(): ssl_compress: there is no TLS compression here: it tells eavesdroppers about the contents
parameters: 0, Warning: Skep\Server::set(): ssl_dhparam: keys are exchanged by elliptic curves only, see ssl_ecdh_curve
old versions: 0, Warning: Skep\Server::set(): ssl_protocols: 8 allows neither TLSv1.2 nor TLSv1.3, and there is nothing else here
