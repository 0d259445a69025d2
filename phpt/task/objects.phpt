--TEST--
task_use_object and event_object: one object beside the server; class Skep\Server\Task
--DESCRIPTION--
Flags are the reference's. A task object finishes its own task, and no other one after it; one that a script has made finishes
nothing.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (["'task_use_object' => true", "'task_object' => 1", "'event_object' => true"] as $settings) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 1, 'task_worker_num' => 1, $settings]);
    \$server->on('task', function (\$server, \$task, ...\$more) {
        static \$before;
        say(json_encode([get_class(\$task), \$task->data, \$task->id, \$task->worker_id, \$task->flags,
            abs(microtime(true) - \$task->dispatch_time) < 60, count(\$more)]));
        if (\$before) {
            say('of another task: ' . json_encode(@\$before->finish('stale')) . ' ' . error_get_last()['message']);
        }
        \$before = \$task;
        \$task->note = 'open to dynamic properties';
        if (\$task->data === 'multi') {
            return \$task->data;
        }
        return json_encode(\$task->finish(\$task->data));
    });
    \$server->on('finish', function (\$server, \$id, \$result = null) {
        say('finish: ' . (is_object(\$id) ? get_class(\$id) . ' ' . json_encode([\$id->task_id, \$id->task_worker_id,
            \$id->data, \$id->orphaned, abs(microtime(true) - \$id->dispatch_time) < 60]) : json_encode([\$id, \$result])));
    });
    \$server->on('receive', function (\$server, \$fd) {
        \$fd = \$fd->fd ?? \$fd;
        \$server->taskwait('wait', 10);
        \$server->taskwait([], 10);
        \$server->taskWaitMulti(['multi'], 10);
        \$server->task(str_repeat('x', 8152), -1, function () {});
        \$server->task([1], -1);
        \$server->send(\$fd, 'done');
    });
    \$server->start();
    PHP);
    echo $settings, ': ', $run->ask('go'), "\n";
    $run->expect('finish:', 3);
    echo 'exit code ', $run->stop(), "\n";
    foreach (['[', 'of another', 'finish'] as $first) {
        foreach ($run->lines($first) as $line) {
            echo $first, str_replace(str_repeat('x', 8152), 'x...x', $line), "\n";
        }
    }
}

function attempt(callable $action): void
{
    try {
        var_dump($action());
    } catch (Throwable $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}
use Skep\Server\Task;
$task = new Task;
attempt(fn () => clone $task);
attempt(fn () => serialize($task));
attempt(function () use ($task) { unset($task->data); });
attempt(fn () => [(new ReflectionClass($task))->isFinal(), $task instanceof Swoole\Server\Task, $task instanceof swoole_server_task,
    get_object_vars($task)] === [true, true, true, ['data' => null, 'dispatch_time' => 0.0, 'id' => -1, 'worker_id' => -1, 'flags' => 0]]);
foreach (['text', '', ['k' => 1.5], null, false] as $value) {
    $packed = Task::pack($value);
    echo strlen($packed), ' ', var_export(Task::unpack($packed) === $value, true), ' ', bin2hex(substr($packed, 0, 8)), "\n";
}
attempt(fn () => Task::pack(fn () => 1));
attempt(fn () => [Task::unpack(''), Task::unpack('nonsense that is long enough'), Task::unpack(substr(Task::pack('x'), 0, -1)), swoole_last_error()]);
echo "finish:\n";
$task->finish(1);
echo "not reached\n";
?>
--EXPECTF--
'task_use_object' => true: done
exit code 0
["Skep\\Server\\Task","wait",0,0,0,true,0]
["Skep\\Server\\Task",[],1,0,2,true,0]
["Skep\\Server\\Task","multi",2,0,16,true,0]
["Skep\\Server\\Task","x...x",3,0,13,true,0]
["Skep\\Server\\Task",[1],4,0,6,true,0]
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
finish: [3,"true"]
finish: [4,[1]]
finish: [4,"true"]
'task_object' => 1: done
exit code 0
["Skep\\Server\\Task","wait",0,0,0,true,0]
["Skep\\Server\\Task",[],1,0,2,true,0]
["Skep\\Server\\Task","multi",2,0,16,true,0]
["Skep\\Server\\Task","x...x",3,0,13,true,0]
["Skep\\Server\\Task",[1],4,0,6,true,0]
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
finish: [3,"true"]
finish: [4,[1]]
finish: [4,"true"]
'event_object' => true: done
exit code 0
["Skep\\Server\\Task","wait",0,0,0,true,0]
["Skep\\Server\\Task",[],1,0,2,true,0]
["Skep\\Server\\Task","multi",2,0,16,true,0]
["Skep\\Server\\Task","x...x",3,0,13,true,0]
["Skep\\Server\\Task",[1],4,0,6,true,0]
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
of another task: false Skep\Server\Task::finish(): the task is over, it cannot be finished any more
finish: Skep\Server\TaskResult [3,1,"true",false,true]
finish: Skep\Server\TaskResult [4,1,[1],false,true]
finish: Skep\Server\TaskResult [4,1,"true",false,true]
Error: Trying to clone an uncloneable object of class Skep\Server\Task
Exception: Serialization of 'Skep\Server\Task' is not allowed
Error: Property data of class Skep\Server\Task cannot be unset
bool(true)
20 true 534b505401000000
16 true 534b505401000000
%d true 534b505401020000
18 true 534b505401020000
20 true 534b505401020000
Exception: Serialization of 'Closure' is not allowed
array(4) {
  [0]=>
  bool(false)
  [1]=>
  bool(false)
  [2]=>
  bool(false)
  [3]=>
  int(505)
}
finish:

Fatal error: Skep\Server\Task::finish(): Invalid instance of Skep\Server\Task in %s on line %d
