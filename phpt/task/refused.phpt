--TEST--
What task(), taskwait() and their like refuse: warning, false, code
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

const TRIES = <<<'PHP'
set_error_handler(function ($level, $text) { $GLOBALS['said'][] = $text; return true; });
function attempt($server, string $method, ...$args): void
{
    $GLOBALS['said'] = [];
    swoole_clear_error();
    try {
        $result = json_encode($server->$method(...$args));
    } catch (Throwable $e) {
        $result = get_class($e) . ': ' . $e->getMessage();
    }
    say("$method: $result " . $server->getLastError() . ' ' . implode(', ', $GLOBALS['said']));
}
PHP;

$run = serve(TRIES . <<<'PHP'
$server = server(['worker_num' => 1, 'task_worker_num' => 1]);
$server->on('task', function ($server, $id, $source, $data) {
    if ($data === 'inside') {
        attempt($server, 'task', 'x');
        attempt($server, 'taskwait', 'x');
        attempt($server, 'taskWaitMulti', ['x']);
        attempt($server, 'taskCo', ['x']);
        attempt($server, 'finish', fn () => 1);
        return 'done';
    }
});
$server->on('receive', function ($server, $fd) {
    attempt($server, 'task', 'x', 1);
    attempt($server, 'task', 'x', -1, 'nofn');
    attempt($server, 'task', 'x', -1, '');
    attempt($server, 'task', 'x', -1, ['X', 'y']);
    attempt($server, 'task', fn () => 1);
    attempt($server, 'task');
    attempt($server, 'task', 'x', 'one');
    attempt($server, 'taskwait', 'x', 0.1, 1);
    attempt($server, 'taskwait', fn () => 1);
    attempt($server, 'taskwait', 'nothing', 10);
    attempt($server, 'taskWaitMulti', []);
    attempt($server, 'taskWaitMulti', array_fill(0, 1024, 'x'));
    attempt($server, 'taskWaitMulti', ['x', fn () => 1]);
    attempt($server, 'taskWaitMulti', ['nothing'], 10);
    attempt($server, 'taskCo', []);
    attempt($server, 'taskCo', array_fill(0, 1024, 'x'));
    attempt($server, 'finish', 'x');
    attempt($server, 'taskwait', 'inside', 10);
    $server->send($fd, 'done');
});
$server->start();
PHP);
echo $run->ask('go'), "\nexit code ", $run->stop(), "\n", $run->output(), $run->log();

echo "--- without task workers\n";
$run = serve(TRIES . <<<'PHP'
$server = server();
$server->on('receive', function ($server, $fd) {
    attempt($server, 'task', 'x');
    attempt($server, 'taskwait', 'x');
    attempt($server, 'taskWaitMulti', ['x']);
    attempt($server, 'taskCo', ['x']);
    attempt($server, 'finish', 'x');
    attempt($server, 'reload', true);
    $server->send($fd, 'done');
});
$server->start();
PHP);
echo $run->ask('go'), "\nexit code ", $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECT--
done
exit code 0
task: false 503 Skep\Server::task(): worker_id must be less than task_worker_num[1]
task: false 503 Skep\Server::task(): function 'nofn' is not callable
task: false 503 Skep\Server::task(): function '' is not callable
task: false 503 Skep\Server::task(): function 'X::y' is not callable
task: Exception: Serialization of 'Closure' is not allowed 0 
task: ArgumentCountError: Skep\Server::task() expects at least 1 argument, 0 given 0 
task: TypeError: Skep\Server::task(): Argument #2 ($taskWorkerIndex) must be of type int, string given 0 
taskwait: false 503 Skep\Server::taskwait(): worker_id must be less than task_worker_num[1]
taskwait: Exception: Serialization of 'Closure' is not allowed 0 
taskwait: false 2006 
taskWaitMulti: false 2002 
taskWaitMulti: false 503 Skep\Server::taskWaitMulti(): too many concurrent tasks
taskWaitMulti: Exception: Serialization of 'Closure' is not allowed 0 
taskWaitMulti: false 702 
taskCo: false 2002 
taskCo: false 503 Skep\Server::taskCo(): too many concurrent tasks
finish: false 509 
task: false 503 Skep\Server::task(): Server->task() cannot use in the task-worker
taskwait: false 503 Skep\Server::taskwait(): taskwait method can only be used in the worker process
taskWaitMulti: false 503 Skep\Server::taskWaitMulti(): taskWaitMulti method can only be used in the worker process
taskCo: false 503 Skep\Server::taskCo(): taskCo method can only be used in the worker process
finish: Exception: Serialization of 'Closure' is not allowed 0 
taskwait: "done" 0 
*0 WARNING finish() (ERRNO 509): Server::finish() can only be used in the worker process
#0 INFO Server is shutdown now
--- without task workers
done
exit code 0
task: false 503 Skep\Server::task(): task method can't be executed without task worker
taskwait: false 503 Skep\Server::taskwait(): task method can't be executed without task worker
taskWaitMulti: false 503 Skep\Server::taskWaitMulti(): task method can't be executed without task worker
taskCo: false 503 Skep\Server::taskCo(): task method can't be executed without task worker
finish: false 509 
reload: true 0 
*0 WARNING finish() (ERRNO 509): cannot use Server::task()/Server::finish() method, because no set [task_worker_num]
*0 WARNING reload(): cannot reload task workers, task workers is not started
#0 INFO Server is shutdown now
