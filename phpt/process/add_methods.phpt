--TEST--
Server::addProcess(): what the server's methods do there
--DESCRIPTION--
php-api 9 (end), lifecycle 8: send, exist, close, getClientInfo, sendto, task, sendMessage, stats, reload and shutdown work; a result of a task cannot come.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\Process;
$server = server(['worker_num' => 1, 'task_worker_num' => 1]);
$server->on('connect', fn ($server, $fd) => say("connected $fd"));
$server->on('close', fn ($server, $fd, $reactor) => say("closed $reactor"));
$server->on('task', function ($server, $id, $source, $data) { say("task of $source: $data"); return 'result'; });
$server->on('finish', fn () => say('finish'));
$server->on('pipeMessage', fn ($server, $source, $data) => say("message of $source to $server->worker_id: $data"));
$server->on('workerStart', fn ($server, $id) => say("start $id"));
$server->on('beforeReload', fn () => say('reload'));
$process = new Process(function (Process $p) use ($server) {
    $fd = (int)$p->read();
    say('inside: ' . json_encode([$server->exist($fd), $server->exist(999), $server->send($fd, 'pushed'),
        $server->getClientInfo($fd)['remote_ip'], $server->getClientList(), is_int($server->task('work')),
        $server->sendMessage('hello', 0), $server->sendMessage('hello', 1), $server->stats()['connection_num'],
        count($server->connections)]));
    set_error_handler(fn ($no, $text) => say("error: $text"));
    say('refused: ' . json_encode([$server->taskwait('x'), $server->taskWaitMulti(['x']), $server->finish('x'),
        $server->sendMessage('x', 2), $server->sendMessage('x', -1), $server->stop(7)]));
    $p->read();
    say('close: ' . json_encode([$server->close($fd), $server->reload()]));
    $p->read();
    say('shutdown: ' . json_encode($server->shutdown()));
    sleep(60);
});
$server->addProcess($process);
$server->on('receive', fn ($server, $fd, $reactor, $data) => $process->write((string)$fd));
$server->start();
PHP);
$client = $run->connect();
fwrite($client, 'go');
var_dump(fread($client, 100));
$run->expect('refused: ');
$run->expect('message of ', 2);
$run->expect('task of ');
fwrite($client, 'go');
$run->expect('start ', 4);
var_dump(fread($client, 100));
$other = $run->connect();
fwrite($other, 'go');
var_dump($run->wait());
$lines = explode("\n", $run->output());
sort($lines);
echo implode("\n", $lines), "\n";
$lines = preg_grep('/^[@^]/', explode("\n", $run->log()));
sort($lines);
echo implode("\n", $lines), "\n";
?>
--EXPECT--
string(6) "pushed"
string(0) ""
int(0)

close: [true,true]
closed -1
closed 0
connected 1
connected 2
error: Skep\Server::sendMessage(): worker_id[-1] is invalid
error: Skep\Server::sendMessage(): worker_id[2] is invalid
error: Skep\Server::taskWaitMulti(): taskWaitMulti method can only be used in the worker process
error: Skep\Server::taskwait(): taskwait method can only be used in the worker process
inside: [true,false,true,"127.0.0.1",[1],true,true,true,1,1]
message of 2 to 0: hello
message of 2 to 1: hello
refused: [false,false,false,false,false,false]
reload
shutdown: true
start 0
start 0
start 1
start 1
task of 2: work
@2 WARNING finish() (ERRNO 509): Server::finish() can only be used in the worker process
@2 WARNING stop() (ERRNO 505): the worker_id[7] is invalid
^1 WARNING task() (ERRNO 509): Server::finish() can only be used in the worker process
