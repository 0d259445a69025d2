--TEST--
A port has settings of its own, or takes over those of the server
--DESCRIPTION--
Each port is asked to take 32 MiB for a client that does not read: more than the default of socket_buffer_size
and what the kernel buffers, less than what the primary port allows.
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

$run = serve(<<<'PHP'
$server = server(['socket_buffer_size' => '128M']);
$inherits = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$default = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
var_dump($default->set([]));
$own = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$own->set(['socket_buffer_size' => '256M']);
$own->set(['backlog' => 5, 'worker_num' => 7]);
$small = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$small->set(['socket_buffer_size' => 1024]);
say(json_encode(array_map(fn ($port) => $port->setting, [$inherits, $default, $own])));
$server->on('receive', function ($server, $fd) {
    $chunk = str_repeat('x', 65536);
    for ($sent = 0; $sent < 512 && $server->send($fd, $chunk); $sent++);
    say($sent === 512 ? 'all taken' : 'refused ' . swoole_last_error());
    $server->close($fd, true);
});
$server->on('workerStart', function ($server) use ($inherits, $default, $own) {
    say($inherits->setting === $server->setting ? 'taken over: ' . implode(' ', array_keys($inherits->setting)) : 'not taken over');
    say(json_encode([$default->setting, $own->setting, $server->setting['worker_num'], $server->ports[0]->setting === $server->setting]));
});
PHP . "\n" . TELL_PORTS . '$server->start();');
foreach (range(0, 4) as $index) {
    $socket = connect_to($run, $index);
    fwrite($socket, 'x');
    eventually(fn () => count(preg_grep('/^(all taken|refused)/', explode("\n", $run->output()))) > $index);
}
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
exit code 0
NULL
[null,[],{"socket_buffer_size":"256M","backlog":5,"worker_num":7}]
taken over: socket_buffer_size worker_num log_file task_worker_num output_buffer_size buffer_output_size max_connection
[[],{"socket_buffer_size":"256M","backlog":5,"worker_num":7},1,true]
all taken
all taken
refused 1009
all taken
refused 1009
