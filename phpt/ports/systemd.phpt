--TEST--
The host SYSTEMD stands for the sockets that the service manager has passed
--DESCRIPTION--
All of them become ports, in their order; what is no socket to serve is left out with a warning, and the file of a unix socket stays.
Without a socket for this very process there is no server.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
const SERVICE = <<<'SERVICE'
<?php
function attempt() {
    try {
        return new Skep\Server('systemd', 0, SWOOLE_PROCESS);
    } catch (Throwable $e) {
        say(get_class($e) . ': ' . $e->getMessage());
    }
}
if (getenv('AGAIN') === false) {
    attempt();
    putenv('AGAIN=1');
    putenv('LISTEN_PID=' . getmypid());
    $command = explode("\0", rtrim(file_get_contents('/proc/self/cmdline'), "\0"));
    pcntl_exec($command[0], array_slice($command, 1), getenv());
}
$server = attempt();
foreach ($server->ports as $port) {
    say(str_replace(__DIR__, '', "$port->host $port->type ") . json_encode([$port->port > 0, $port->sock]));
}
say(json_encode([$server->host, $server->port === $server->ports[0]->port, $server->type]));
$later = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$server->set(['worker_num' => 1, 'log_file' => __DIR__ . '/log']);
$answer = fn (string $by) => fn ($server, $fd, $reactor, $data) => $server->send($fd, "$data by $by");
$server->on('receive', $answer('the first'));
$server->ports[1]->on('receive', $answer('unix'));
$server->on('packet', fn ($server, $data, $client) => $server->sendto($client['address'], $client['port'], "$data by udp"));
$later->on('receive', $answer('its own'));
$server->on('start', function ($server) use ($later) {
    file_put_contents(__DIR__ . '/ports', "tcp://127.0.0.1:$server->port unix://" . __DIR__ . "/passed tcp://127.0.0.1:$later->port udp://127.0.0.1:{$server->ports[2]->port}");
    file_put_contents(__DIR__ . '/master', getmypid());
    announce($server->port);
});
$server->start();
SERVICE;

// As the service manager does: sockets from 3 on, and a program that is told about them.
$tcp = stream_socket_server('tcp://127.0.0.1:0');
$connected = stream_socket_client('tcp://' . stream_socket_get_name($tcp, false));
$unix = stream_socket_server('unix://' . __DIR__ . '/passed');
$udp = stream_socket_server('udp://127.0.0.1:0', $errno, $error, STREAM_SERVER_BIND);
$command = explode("\0", rtrim(file_get_contents('/proc/self/cmdline'), "\0"));
array_pop($command);
file_put_contents(__DIR__ . '/service.php', '<?php require ' . var_export(get_included_files()[1], true) . '; ?>' . SERVICE);
$program = proc_open([...$command, __DIR__ . '/service.php', __DIR__ . '/server.php'], [3 => $tcp, 4 => $connected, 5 => $unix, 6 => $udp], $pipes,
    __DIR__, ['LISTEN_FDS' => '4', 'LISTEN_PID' => '1'] + getenv());
while (proc_get_status($program)['running']) {
    usleep(1000);
}
say(json_encode([file_exists(__DIR__ . '/passed'), (bool)@stream_socket_client('tcp://' . stream_socket_get_name($tcp, false))]));

PHP);
$run->port();
foreach (explode(' ', file_get_contents($run->path('ports'))) as $address) {
    $socket = stream_socket_client($address);
    stream_set_timeout($socket, 10);
    fwrite($socket, 'served');
    echo fread($socket, 100), "\n";
}
$run->kill(15, (int)file_get_contents($run->path('master')));
$run->wait();
echo $run->output();
?>
--EXPECTF--
served by the first
served by unix
served by its own
served by udp
[%s]	WARNING	listen(): invalid LISTEN_PID
Skep\Error: failed to add systemd socket
[%s]	WARNING	listen(): the socket[4] is not a listening socket
127.0.0.1 1 [true,3]
/passed 5 [false,5]
127.0.0.1 2 [true,6]
["127.0.0.1",true,1]
[true,true]
