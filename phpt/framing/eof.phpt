--TEST--
open_eof_check and open_eof_split: what one onReceive gets
--DESCRIPTION--
With split each piece ends with its marker, an empty one is the marker alone, and a marker may come in two reads. Check alone takes all
that ends with the marker. The default marker is CR LF CR LF.
--FILE--
<?php
require __DIR__ . '/../include/framing.inc';

$run = serve_framed(<<<'PHP'
$server = server(['open_eof_split' => true, 'package_eof' => "\r\n"]);
$check = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$check->set(['open_eof_check' => true, 'package_eof' => "\r\n"]);
$default = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$default->set(['open_eof_split' => 1]);
$longest = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$longest->set(['open_eof_split' => true, 'package_eof' => '8 bytes!']);
PHP);
$split = connect_to($run, 0);
echo show(talk($split, ["one\r\n\r\ntwo\r\nthr", "ee\r", "\n"], 4));
$check = connect_to($run, 1);
echo show(talk($check, ["a\r\nb\r\nc\r\n"], 1)), show(talk($check, ["a\r\nb", "\r\n"], 1));
echo show(talk(connect_to($run, 2), ["x\r\ny\r\n\r\nz\r\n\r\n"], 2));
echo show(talk(connect_to($run, 3), ['eight 8 bytes!and 8 bytes', '!'], 2));
fwrite($split, 'half');
stream_socket_shutdown($split, STREAM_SHUT_WR);
var_dump(stream_get_contents($split));
echo 'exit code ', $run->stop(), "\n";
preg_match_all('/^.*open_eof_split.*$/m', $run->log(), $notices);
echo implode("\n", $notices[0]), "\n";
?>
--EXPECTF--
["one\r\n","\r\n","two\r\n","three\r\n"]
["a\r\nb\r\nc\r\n"]
["a\r\nb\r\n"]
["x\r\ny\r\n\r\n","z\r\n\r\n"]
["eight 8 bytes!","and 8 bytes!"]
string(0) ""
exit code 0
%s NOTICE %sopen_eof_split%s
