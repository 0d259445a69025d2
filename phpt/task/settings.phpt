--TEST--
Settings of tasks: what is missing, refused, or without effect is said
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$server = new Skep\Server('127.0.0.1', 0);
var_dump($server->set(['task_enable_coroutine' => true]));
var_dump($server->set(['task_tmpdir' => 'relative']));
var_dump($server->set(['task_enable_coroutine' => false, 'task_tmpdir' => '/tmp', 'task_use_object' => 1, 'event_object' => 0]));
unset($server);

$run = serve('$server = server(["task_worker_num" => 1]); $server->start();');
echo 'without onTask: exit code ', $run->wait(), $run->output();
$run = serve('$server = server(["task_worker_num" => 1]); $server->on("task", fn () => null); $server->set(["task_tmpdir" => "/tmp"]); $server->start();');
$run->ask('x');
echo "\nexit code ", $run->stop(), $run->output(), "\n", $run->log();

echo "--- a result nobody wants\n";
$run = serve(<<<'PHP'
$server = server(['task_worker_num' => 1]);
$server->on('task', fn ($server, $id, $source, $data) => $data);
$server->on('receive', function ($server, $fd) {
    $server->task('x');
    $server->task('x');
    $server->task('y', -1, fn () => $server->send($fd, 'done'));
});
$server->start();
PHP);
echo $run->ask('x'), ", exit code ", $run->stop(), $run->output();
?>
--EXPECTF--
Warning: Skep\Server::set(): task_enable_coroutine is not supported, tasks run one at a time in %s on line %d
bool(false)

Warning: Skep\Server::set(): wrong absolute path 'relative' in %s on line %d
bool(false)
%AWARNING	task_tmpdir has no effect: tasks stay in memory, whatever their size
bool(true)
without onTask: exit code 255
Fatal error: Skep\Server::start(): failed to start server. Error: Server::start_check() (ERRNO 9015): require 'onTask' callback in %s on line %d

exit code 0
%s WARNING task_tmpdir has no effect: tasks stay in memory, whatever their size
#0 INFO Server is shutdown now
--- a result nobody wants
done, exit code 0
Warning: Skep\Server::start(): require 'onFinish' callback in %s on line %d
