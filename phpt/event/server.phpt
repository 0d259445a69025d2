--TEST--
Skep\Event in a server: a pipe watched in a worker, none in the manager, and no start() after it was used
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS);
$server->set(['worker_num' => 1, 'log_file' => getenv('SKEP_DIR') . '/log']);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    Skep\Event::add($a, function ($a) use ($server, $fd) {
        $server->send($fd, 'heard ' . fread($a, 100));
        Skep\Event::del($a);
    });
    fwrite($b, $data);
});
announce($server->port);
$server->start();
PHP);
echo $run->ask('hello'), "\n";
echo 'exit code ', $run->stop(), "\n";

$run = serve(<<<'PHP'
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS);
$server->on('receive', fn () => 1);
Skep\Event::defer(fn () => 1);
var_dump($server->start());
PHP);
echo 'exit code ', $run->wait(), "\n", preg_replace('~ in /.*~', '', $run->output());
?>
--EXPECT--
heard hello
exit code 0
exit code 0

Warning: Skep\Server::start(): The event-loop has already been created, unable to start Skep\Server
bool(false)

Deprecated: Skep\Event::rshutdown(): Event::wait() in shutdown function is deprecated in Unknown on line 0
