--TEST--
The script every user begins with
--DESCRIPTION--
Old class name, four positional arguments, default callbacks: fails if a server of the reference's kind does not
run unchanged, or if the process tree is not one master, one manager and the workers.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = new \swoole_server("127.0.0.1", 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
announce($server->port);
$server->on('connect', function ($serv, $fd) { });
$server->on('receive', function ($serv, $fd, $from_id, $data) { $serv->send($fd, "got $data"); });
$server->on('close', function ($serv, $fd) { });
$server->set(["reactor_num" => 2, "worker_num" => 4]);
$server->start();
PHP);
echo $run->ask("hello"), "\n";
eventually(fn () => count($run->processes()) === 6);
echo count($run->processes()), " processes\n";
echo count(glob("/proc/$run->pid/task/*")), " threads in the master\n";
echo "exit code ", $run->stop(), "\n";
?>
--EXPECT--
got hello
6 processes
3 threads in the master
exit code 0
