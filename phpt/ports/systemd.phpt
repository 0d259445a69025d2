--TEST--
The host SYSTEMD stands for all sockets that the service manager has passed
--DESCRIPTION--
They become ports in their order, with the addresses they have. Without any, or with those of another process,
there is no server.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$script = <<<'PHP'
try {
    $server = new Skep\Server('systemd', 0);
} catch (Error $error) {
    exit(get_class($error) . ': ' . $error->getMessage() . "\n");
}
foreach ($server->ports as $port) {
    echo json_encode([$port->type, $port->port > 0, $port->host === '127.0.0.1' || str_contains($port->host, '/')]), "\n";
}
var_dump(getenv('LISTEN_FDS'));
$server->on('receive', fn ($server, $fd, $reactor, $data) => $server->send($fd, strtoupper($data)));
$server->on('packet', fn ($server, $data, $client) => $server->sendto($client['address'], $client['port'], strrev($data)));
$server->on('start', function ($server) { var_dump(getenv('LISTEN_FDS')); file_put_contents(getenv('READY'), '1'); });
$server->start();
PHP;
$dir = sys_get_temp_dir() . '/skep-passed-' . getmypid();
mkdir($dir);
$tcp = stream_socket_server('tcp://127.0.0.1:0');
$udp = stream_socket_server('udp://127.0.0.1:0', flags: STREAM_SERVER_BIND);
$arguments = array_slice(explode("\0", rtrim(file_get_contents('/proc/self/cmdline'), "\0")), 1);
$options = [];
for ($i = 0; $i < count($arguments); $i++) {
    if ($arguments[$i] === '-d') {
        array_push($options, '-d', $arguments[++$i]);
    } elseif ($arguments[$i] === '-n') {
        $options[] = '-n';
    }
}
file_put_contents("$dir/server.php", "<?php\n$script");
$run = fn (string $pid, array $sockets) => proc_open(
    // The shell becomes the server, so its pid is the server's.
    ['sh', '-c', "LISTEN_PID=$pid; export LISTEN_PID; exec \"$@\"", 'sh', PHP_BINARY, ...$options, "$dir/server.php"],
    [['file', '/dev/null', 'r'], ['file', "$dir/out", 'a'], ['file', "$dir/out", 'a']] + $sockets,
    $pipes,
    '/',
    ['READY' => "$dir/ready", 'LISTEN_FDS' => '2'] + getenv(),
);
proc_close($run('1', [3 => $tcp, 4 => $udp]));
$server = $run('$$', [3 => $tcp, 4 => $udp]);
eventually(fn () => file_exists("$dir/ready"));
foreach ([$tcp, $udp] as $socket) {
    $scheme = $socket === $tcp ? 'tcp' : 'udp';
    $client = stream_socket_client("$scheme://" . stream_socket_get_name($socket, false));
    stream_set_timeout($client, 10);
    fwrite($client, 'hello');
    echo fread($client, 100), "\n";
}
proc_terminate($server);
echo 'exit code ', eventually(fn () => ($status = proc_get_status($server)) && !$status['running'] ? "$status[exitcode]." : null), "\n";
echo preg_replace('/^\[20.*\n/m', '', file_get_contents("$dir/out"));
array_map('unlink', glob("$dir/*"));
rmdir($dir);
?>
--EXPECT--
HELLO
olleh
exit code 0.
Skep\Error: failed to add systemd socket
[1,true,true]
[2,true,true]
string(1) "2"
bool(false)
