--TEST--
Server::addProcess(): index, id, properties, refusals
--DESCRIPTION--
php-api 2.2, 3.0, 3.1, lifecycle 9 and 10.4.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\Process;
use Skep\Server;
class Unmade extends Process { function __construct() {} }
$server = server(['worker_num' => 2, 'task_worker_num' => 1]);
$server->on('task', fn () => null);
$body = function (Process $p) use ($server) {
    say(json_encode(['process', $p->id, $p->pid === getmypid(), is_int($p->pipe), $server->worker_id, $server->getWorkerId(),
        $server->taskworker, $server->worker_pid, $server->master_pid === $server->getMasterPid(),
        $server->manager_pid === (int)explode(' ', file_get_contents('/proc/self/stat'))[3], $server->manager_pid === $server->getManagerPid(),
        $server->getWorkerPid(), $server->getWorkerPid($p->id) === getmypid(), $server->getWorkerStatus(),
        $server->stats()['user_worker_num'], $server->stats()['worker_num']]));
    foreach ([fn () => $server->set(['worker_num' => 1]), fn () => $server->addProcess(new Process('strlen')),
              fn () => $server->on('start', 'strlen'), fn () => $server->start()] as $try) {
        set_error_handler(fn ($no, $text) => say("in {$p->id}: $text"));
        $try() && say('not refused');
    }
    sleep(60);
};
$first = new Process($body);
$second = new Process($body, false, 1);
var_dump($server->addProcess($first), $server->addProcess($second), $first->id);
foreach ([fn () => $server->addProcess($first), fn () => $first->start(), fn () => $server->addProcess(new Unmade),
          fn () => $server->addProcess(), fn () => $server->addProcess(5)] as $try) {
    try {
        echo json_encode(@$try()), ' ', $server->getLastError(), ' ', error_get_last()['message'] ?? '', "\n";
        error_clear_last();
    } catch (Error $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}
echo new ReflectionMethod('Skep\Server', 'addProcess');
$server->on('workerStart', function ($server, $id) use ($first, $second) {
    say("worker $id knows {$first->id} {$second->id} " . json_encode($first->pid) . (@$server->addProcess(new Process('strlen')) ? 'added' : ''));
});
$server->start();
PHP);
$run->port();
eventually(fn () => substr_count($run->output(), 'in 3:') >= 4 && substr_count($run->output(), 'in 4:') >= 4 && substr_count($run->output(), 'knows') >= 3);
var_dump($run->stop());
$lines = explode("\n", $run->output());
$late = preg_grep('/^(in|\["process|worker)/', $lines);
echo implode("\n", array_diff($lines, $late)), "\n";
sort($late);
echo implode("\n", $late), "\n";
?>
--EXPECT--
int(0)
NULL
false 509 Skep\Server::addProcess(): process has already been started
false 509 Skep\Process::start(): process has already been started
Skep\Error: must call constructor first
ArgumentCountError: Skep\Server::addProcess() expects exactly 1 argument, 0 given
TypeError: Skep\Server::addProcess(): Argument #1 ($process) must be of type object, int given
Method [ <internal:skep> public method addProcess ] {

  - Parameters [1] {
    Parameter #0 [ <required> Skep\Process $process ]
  }
  - Return [ int|false ]
}

["process",3,true,true,-1,false,false,0,true,true,true,false,true,false,2,2]
["process",4,true,true,-1,false,false,0,true,true,true,false,true,false,2,2]
in 3: Skep\Server::addProcess(): server is running, cannot add process
in 3: Skep\Server::on(): server is running, unable to register event callback function
in 3: Skep\Server::set(): server is running, unable to execute Skep\Server->set
in 3: Skep\Server::start(): The server is running, unable to execute Skep\Server->start()
in 4: Skep\Server::addProcess(): server is running, cannot add process
in 4: Skep\Server::on(): server is running, unable to register event callback function
in 4: Skep\Server::set(): server is running, unable to execute Skep\Server->set
in 4: Skep\Server::start(): The server is running, unable to execute Skep\Server->start()
int(0)
int(1)
worker 0 knows 3 4 null
worker 1 knows 3 4 null
worker 2 knows 3 4 null
