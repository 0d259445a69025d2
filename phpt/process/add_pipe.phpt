--TEST--
Server::addProcess(): the pipe, between the process and the copies of its object elsewhere
--DESCRIPTION--
php-api 9: what a process forked later writes to its copy, the user process reads, and the other way round. What is written while
the process is dead its successor reads.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\Process;
$server = server(['worker_num' => 1]);
$echo = function (Process $p) {
    say('born ' . getmypid());
    while (($data = $p->read()) !== false && $data !== '') {
        if ($data === 'die') {
            exit(1);
        }
        $p->write(strrev($data));
    }
    say('end of the pipe');
};
$first = new Process($echo);
$stream = new Process($echo, false, 1);
$third = new Process(function (Process $p) use ($first, $stream) {
    // It was forked later than both, or is another process than they are: it may write to them.
    $p->read();
    $first->write('from third');
    say('third: ' . $first->read());
    sleep(60);
});
foreach ([$first, $stream, $third] as $process) {
    $server->addProcess($process);
}
$server->on('receive', function ($server, $fd, $reactor, $data) use ($first, $stream, $third) {
    if ($data === 'third') {
        $third->write('go');
        return $server->send($fd, 'told');
    }
    [$which, $text] = explode(' ', $data, 2);
    $process = $which === '1' ? $first : $stream;
    $process->setTimeout(5);
    if ($text === 'die') {
        $process->write('die');
        $process->write('after');
        return $server->send($fd, (string)$process->read());
    }
    $process->write($text);
    $server->send($fd, (string)$process->read());
});
$server->start();
PHP);
$run->expect('born ', 2);
var_dump($run->ask('1 hello'), $run->ask('2 hello'), $run->ask('1 die'), $run->ask('1 again'), $run->ask('third'));
$run->expect('third: ');
echo implode("\n", $run->lines('third: ')), "\n", count($run->lines('born ')), ' births, ', count($run->lines('end of')), " ends\n";
var_dump($run->stop());
?>
--EXPECT--
string(5) "olleh"
string(5) "olleh"
string(5) "retfa"
string(5) "niaga"
string(4) "told"
driht morf
3 births, 0 ends
int(0)
