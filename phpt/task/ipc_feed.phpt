--TEST--
task_ipc_mode 3: another script gives tasks through the message queue, before, while and after a server is there
--DESCRIPTION--
Values of all kinds arrive as they were; nobody is answered; what is no task is dropped with a line; a stop leaves what waits in the
queue, and the next server runs it. The queue is its user's alone, and is the only thing that stays.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

use Skep\Server\Task;

const KEY = 0x6a0b0000;
$key = KEY + getmypid() % 65536;
$feed = new Skep\Process(fn () => null);
$feed->useQueue($key, 2);

function start(int $key, int $ms = 0): Run
{
    return serve(<<<PHP
    \$server = server(['worker_num' => 1, 'task_worker_num' => 1, 'task_ipc_mode' => 3, 'message_queue_key' => $key, 'max_wait_time' => 1]);
    \$server->on('task', function (\$server, \$id, \$source, \$data) {
        say('task ' . json_encode(\$data) . " of \$source, finish: " . var_export(@\$server->finish(1), true));
        usleep($ms * 1000);
    });
    \$server->on('finish', function () { say('a result'); });
    \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) {
        \$stats = \$server->stats();
        \$server->send(\$fd, isset(\$stats['task_queue_num'], \$stats['task_queue_bytes']) ? (string)\$stats['task_queue_num'] : 'none');
    });
    \$server->start();
    PHP);
}

$feed->push(Task::pack('before'));
$run = start($key);
$run->expect('task "before"');
foreach (['text', 12, null, [1, 'two' => true], 1.5, false] as $value) {
    $feed->push(Task::pack($value));
}
$run->expect('task false');
$feed->push('no task');
$feed->push(Task::pack('cut') . '!');
$feed->push(substr(Task::pack([1, 2, 3]), 0, 8) . pack('P', 5) . 'a:9:{');
$feed->push(Task::pack('on'));
$run->expect('task "on"');
echo implode("\n", $run->lines('task ')), "\n";
foreach (['data-length[7] is inconsistent with the packet-length[16]', 'unserialize() failed, Error at offset'] as $line) {
    echo $line, str_contains($run->wholeLog(), $line) ? " is in the log\n" : " is missing: {$run->wholeLog()}\n";
}
echo 'waiting: ', $run->ask('x'), ', results: ', count($run->lines('a result')), "\n";
echo 'exit code ', $run->stop(), "\n";
preg_match('/^ *\S+ +' . $feed->msgQueueId . ' +(\S+)/m', (string)file_get_contents('/proc/sysvipc/msg'), $match);
echo "mode $match[1]\n";

$run = start($key, 60000);
for ($i = 0; $i < 5; $i++) {
    $feed->push(Task::pack(['number' => $i]));
}
$run->expect('task {"number":0}');
echo 'exit code ', $run->stop(), ', left: ', $feed->statQueue()['queue_num'], "\n";
$run = start($key);
eventually(fn () => count($run->lines("task ")) === 4); // what comes back stands behind what had never left
echo count($run->lines('task ')), " at the next start\n";
$run->stop();
echo $feed->freeQueue() ? "the queue was there\n" : "no queue\n";
?>
--EXPECT--
"before" of 0, finish: false
"text" of 0, finish: false
12 of 0, finish: false
null of 0, finish: false
{"0":1,"two":true} of 0, finish: false
1.5 of 0, finish: false
false of 0, finish: false
"on" of 0, finish: false
data-length[7] is inconsistent with the packet-length[16] is in the log
unserialize() failed, Error at offset is in the log
waiting: 0, results: 0
exit code 0
mode 600
exit code 1, left: 4
4 at the next start
the queue was there
