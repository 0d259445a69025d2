--TEST--
package_max_length: what is as long passes, what is longer ends the connection
--DESCRIPTION--
Less than 64 KiB counts as 64 KiB. Complete messages before the one that is too long are delivered. A length function that never knows
is stopped at the limit.
--FILE--
<?php
require __DIR__ . '/../include/framing.inc';

$run = serve_framed(<<<'PHP'
$server = server(['open_eof_split' => true, 'package_eof' => "\n", 'package_max_length' => 100]);
$check = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$check->set(['open_eof_check' => true, 'package_eof' => "\n", 'package_max_length' => 100000]);
$never = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$never->set(['package_length_func' => fn (string $data) => 0, 'package_max_length' => 200000]);
$always = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$always->set(['package_length_func' => fn (string $data) => 200001, 'package_max_length' => 200000]);
PHP);
$line = str_repeat('x', 65535) . "\n";
var_dump(talk(connect_to($run, 0), [$line], 1) === [$line]);
echo show(refused($run, 0, "first\nsecond\n" . str_repeat('x', 65536)));
$line = str_repeat('y', 99999) . "\n";
var_dump(talk(connect_to($run, 1), [$line], 1) === [$line]);
echo show(refused($run, 1, str_repeat('y', 100000)));
echo show(refused($run, 2, str_repeat('z', 200000)));
echo show(refused($run, 3, 'z'));
$line = "still here\n";
echo show(talk(connect_to($run, 0), [$line], 1));
$run->expect('by reactor', 6);
echo 'exit code ', $run->stop(), "\n";
var_dump(substr_count($run->output(), 'by server'));
// More lines of one code within a second are counted.
echo strtok(strstr($run->log(), '(ERRNO 1201)'), "\n"), "\n";
?>
--EXPECTF--
bool(true)
["first\n","second\n"]
bool(true)
[]
[]
[]
["still here\n"]
exit code 0
int(0)
(ERRNO 1201): The received data packet is too large, length=65536 <127.0.0.1:%d>
