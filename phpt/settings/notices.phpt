--TEST--
Settings that do nothing, or not what most want, are told once in the log
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'open_eof_check' => true, 'package_eof' => "\n", 'discard_timeout_request' => true]);
$server->set(['input_buffer_size' => '2M']);
$server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP)->set(['open_eof_split' => true, 'package_eof' => "\n"]);
$server->on('start', fn ($server) => $server->shutdown());
$server->start();
PHP);
echo 'exit code ', $run->wait(), "\n", $run->output(), preg_replace('/^.* INFO .*\n/m', '', preg_replace('/port \d+/', 'port', $run->log()));
?>
--EXPECT--
exit code 0
%0 WARNING input_buffer_size is obsolete and has no effect
%0 NOTICE port: open_eof_check delivers what has come, ending with package_eof, which may be several messages; open_eof_split delivers each alone
