--TEST--
reload(), stop(), shutdown() and the questions about workers, from every kind of process
--DESCRIPTION--
All return before their effect; the effect is the same whoever asks. Outside of workers -1 is nobody.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$ask = <<<'PHP'
function ask($server, $call) {
    if (!@fopen(getenv('SKEP_DIR') . '/asked', 'x')) {
        return;
    }
    $answer = match ($call) {
        'reload()' => $server->reload(),
        'stop()' => $server->stop(),
        'stop(0)' => $server->stop(0),
        'stop(9)' => $server->stop(9),
        'stop(-5)' => $server->stop(-5),
        'shutdown()' => $server->shutdown(),
        'status' => [$server->getWorkerId(), $server->getWorkerStatus(), $server->getWorkerPid() > 0, $server->getWorkerPid() === getmypid(),
            $server->getWorkerStatus(9), $server->getWorkerPid(9), $server->getWorkerPid(0) > 0,
            $server->getMasterPid() === $server->master_pid && $server->master_pid > 0,
            $server->getManagerPid() === $server->manager_pid && $server->manager_pid > 0],
    };
    say('answer ' . json_encode($answer) . ($answer === false ? ' ' . $server->getLastError() : ''));
}
PHP;
foreach (['start' => 'master', 'managerStart' => 'manager', 'workerStart' => 'worker', 'receive' => 'worker'] as $event => $process) {
    foreach (['reload()', 'stop()', 'stop(0)', 'stop(9)', 'stop(-5)', 'shutdown()', 'status'] as $call) {
        $run = serve(<<<PHP
        $ask
        \$server = server();
        \$server->on('workerStart', fn () => say('worker starts'));
        \$server->on('workerError', fn () => say('worker error'));
        \$server->on('$event', function (\$server, \$fd = 0, \$reactor = 0, \$data = '') {
            '$event' === 'workerStart' && say('worker starts');
            ask(\$server, '$call');
            '$event' === 'receive' && \$server->send(\$fd, "got \$data");
        });
        \$server->start();
        PHP);
        $event === 'receive' && $run->ask('x');
        $run->expect('answer');
        echo "$event: $call ", implode($run->lines('answer '));
        if ($call === 'shutdown()') {
            echo ', exit code ', $run->wait();
        } else {
            $replaced = $call === 'reload()' || $call === 'stop(0)' || ($call === 'stop()' && $process === 'worker');
            $run->expect('worker starts', $replaced ? 2 : 1);
            echo ', ', $run->ask('x');
            $run->stop();
            echo ', workers ', count($run->lines('worker starts')), str_repeat(', error', count($run->lines('worker error')));
        }
        echo "\n", preg_replace('/^.*(reloading all|shutdown now).*\n/m', '', $run->log());
    }
}
?>
--EXPECT--
start: reload() true, got x, workers 2
start: stop() false 509, got x, workers 1
#0 WARNING stop() (ERRNO 509): kill worker in non worker process requires specifying an id
start: stop(0) true, got x, workers 2
start: stop(9) false 505, got x, workers 1
#0 WARNING stop() (ERRNO 505): the worker_id[9] is invalid
start: stop(-5) false 505, got x, workers 1
#0 WARNING stop() (ERRNO 505): the worker_id[-5] is invalid
start: shutdown() true, exit code 0
start: status [false,false,false,false,false,false,true,true,true], got x, workers 1
managerStart: reload() true, got x, workers 2
managerStart: stop() false 509, got x, workers 1
$0 WARNING stop() (ERRNO 509): kill worker in non worker process requires specifying an id
managerStart: stop(0) true, got x, workers 2
managerStart: stop(9) false 505, got x, workers 1
$0 WARNING stop() (ERRNO 505): the worker_id[9] is invalid
managerStart: stop(-5) false 505, got x, workers 1
$0 WARNING stop() (ERRNO 505): the worker_id[-5] is invalid
managerStart: shutdown() true, exit code 0
managerStart: status [false,false,false,false,false,false,true,true,true], got x, workers 1
workerStart: reload() true, got x, workers 2
workerStart: stop() true, got x, workers 2
workerStart: stop(0) true, got x, workers 2
workerStart: stop(9) false 505, got x, workers 1
*0 WARNING stop() (ERRNO 505): the worker_id[9] is invalid
workerStart: stop(-5) false 505, got x, workers 1
*0 WARNING stop() (ERRNO 505): the worker_id[-5] is invalid
workerStart: shutdown() true, exit code 0
workerStart: status [0,1,true,true,false,false,true,true,true], got x, workers 1
receive: reload() true, got x, workers 2
receive: stop() true, got x, workers 2
receive: stop(0) true, got x, workers 2
receive: stop(9) false 505, got x, workers 1
*0 WARNING stop() (ERRNO 505): the worker_id[9] is invalid
receive: stop(-5) false 505, got x, workers 1
*0 WARNING stop() (ERRNO 505): the worker_id[-5] is invalid
receive: shutdown() true, exit code 0
receive: status [0,1,true,true,false,false,true,true,true], got x, workers 1
