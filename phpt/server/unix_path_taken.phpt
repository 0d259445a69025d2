--TEST--
A file that is not a socket is never removed to make room for one
--DESCRIPTION--
Only a socket file that refuses connections is stale.
--FILE--
<?php
$path = sys_get_temp_dir() . '/skep-' . getmypid() . '.conf';
file_put_contents($path, 'precious');
try {
    new Skep\Server($path, 0, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
    echo "bound\n";
} catch (Skep\Exception $e) {
    echo $e->getCode(), "\n";
}
echo file_get_contents($path), "\n";
unlink($path);

// A stale socket file is replaced.
$listener = stream_socket_server("unix://$path");
fclose($listener);
var_dump(file_exists($path));
$server = new Skep\Server($path, 0, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
echo get_class($server), "\n";
@unlink($path);
?>
--EXPECT--
98
precious
bool(true)
Skep\Server
