--TEST--
package_length_func says where messages end, for each port its own
--DESCRIPTION--
It runs in the master, sees the beginning of a message, and answers 0 if that is not enough, a negative number if it is no message.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$master = getmypid();
$server = server(['worker_num' => 2, 'package_length_func' => function (string $data) use ($master): int {
    if (getmypid() !== $master) {
        say('in the wrong process');
    }
    return match ($data[0]) {
        '!' => -1,
        '?' => throw new LogicException('what is that'),
        default => strlen($data) < 1 ? 0 : 1 + (int)$data[0],
    };
}]);
$other = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$other->set(['package_length_func' => fn (string $data) => strpos($data, ';') === false ? 0 : strpos($data, ';') + 1]);
$plain = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$plain->set(['open_tcp_nodelay' => true]);
file_put_contents(getenv('SKEP_DIR') . '/ports', "$other->port $plain->port");
$server->on('receive', fn ($server, $fd, $reactor, $data) => $server->send($fd, "[$data]"));
$server->start();
PHP);
$run->port();
[$other, $plain] = explode(' ', eventually(fn () => @file_get_contents($run->path('ports'))));
$talk = function ($socket, array $pieces, int $bytes) {
    foreach ($pieces as $piece) {
        fwrite($socket, $piece);
    }
    $got = '';
    while (strlen($got) < $bytes && ($more = fread($socket, 100))) {
        $got .= $more;
    }
    return $got;
};
$socket = $run->connect();
echo $talk($socket, ['3a', 'bc', '12', '0'], 13), "\n";
echo $talk($socket, ['1x!2ab'], 4), "\n";
var_dump(fread($socket, 10));
$socket = $run->connect();
echo $talk($socket, ['1y?'], 4), "\n";
var_dump(fread($socket, 10));
echo $talk(stream_socket_client("tcp://127.0.0.1:$other"), ['one;t', 'wo;', 'three;'], 18 - 1), "\n";
echo $talk(stream_socket_client("tcp://127.0.0.1:$plain"), ['as it comes'], 13), "\n";
echo $talk($run->connect(), ['0'], 3), "\n";
$run->stop();
echo preg_replace('/^.* INFO .*\n/m', '', $run->log());
?>
--EXPECTF--
[3abc][12][0]
[1x]
string(0) ""
[1y]
string(0) ""
[one;][two;][three;]
[as it comes]
[0]
#0 WARNING receive() (ERRNO 1204): received 4 bytes of malformed data, remote_addr=<127.0.0.1:%d>
#0 ERROR package_length_func() (ERRNO 503): Fatal error: Uncaught LogicException: what is that in %sserver.php:%d
#0 ERROR length function handler error
%s WARNING receive() (ERRNO 1204): %s
