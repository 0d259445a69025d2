--TEST--
Paths of unix sockets: the longest, the mode of the file, and who may have it
--DESCRIPTION--
107 bytes can be bound, 108 cannot. The port is not looked at. The file has what the umask leaves of 0777.
--FILE--
<?php
$dir = sys_get_temp_dir() . '/skep-' . getmypid();
mkdir($dir);
umask(0022);
$path = fn (int $length) => str_pad("$dir/", $length, 'x');
$server = new Skep\Server($path(107), 99, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
var_dump($server->port, strlen($server->host), decoct(fileperms($path(107)) & 07777));
var_dump($server->listen($path(108), 0, SWOOLE_SOCK_UNIX_STREAM), swoole_last_error());
umask(0077);
var_dump($server->listen($path(106), 0, SWOOLE_SOCK_UNIX_DGRAM)->port, decoct(fileperms($path(106)) & 07777));
var_dump($server->listen($path(107), 0, SWOOLE_SOCK_UNIX_STREAM), swoole_last_error());
var_dump($server->listen($path(106), 0, SWOOLE_SOCK_UNIX_DGRAM), swoole_last_error());
array_map('unlink', glob("$dir/*"));
rmdir($dir);
?>
--EXPECTF--
int(0)
int(107)
string(3) "755"
%s
bool(false)
int(504)
int(0)
string(3) "700"
%s
bool(false)
int(98)
%s
bool(false)
int(98)
