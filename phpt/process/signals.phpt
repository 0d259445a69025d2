--TEST--
Process: signal()
--DESCRIPTION--
Called from the event loop; blocking calls of the class come back and have called them. Children start without the parent's.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\Process;
var_dump(Process::signal(999, 'strlen'), Process::signal(-1, 'strlen'));
var_dump(Process::signal(SIGUSR1), swoole_last_error(), @Process::signal(SIGUSR1, 'nofn'), @Process::signal(SIGKILL, 'strlen'));
$seen = [];
var_dump(Process::signal(SIGUSR1, function (int $number) use (&$seen) { $seen[] = $number; }));
// A child has the default.
$child = new Process(fn ($p) => [$p->write('x'), sleep(60)]);
$child->start();
$child->read();
Process::kill($child->pid, SIGUSR1);
var_dump(Process::wait()['signal'] === SIGUSR1);
// Blocking calls.
$getppid = fn () => (int)explode(' ', preg_replace('/^.*\) /', '', file_get_contents('/proc/self/stat')))[1];
$waker = function () use ($getppid) {
    $parent = $getppid();
    for ($i = 0; $i < 3000 && @Process::kill($parent, SIGUSR1); $i++) {
        usleep(10000);
    }
};
$pipe = new Process('strlen');
$quiet = new Process($waker);
$quiet->start();
$queue = new Process('strlen');
$queue->useQueue(0x60000000 + getmypid());
foreach ([fn () => $quiet->read(), fn () => $queue->pop(), fn () => Process::wait()] as $call) {
    $seen = [];
    var_dump($call(), swoole_last_error() === 4, count($seen) > 0 && $seen[0] === SIGUSR1);
}
$queue->freeQueue();
Process::kill($quiet->pid, 9);
while (!Process::wait()) {
}
// From the loop, which such a callback keeps alive.
Process::signal(SIGUSR1, function () {
    say('from the loop');
    var_dump(Process::signal(SIGUSR1, null), @Process::signal(SIGUSR1, null));
});
say('ready ' . getmypid());
Skep\Event::wait();
PHP);
$run->expect('ready');
$run->kill(10);
var_dump($run->wait());
echo preg_replace('/ready \d+/', 'ready', str_replace($run->dir(), '', $run->output()));

$run = serve(<<<'PHP'
use Skep\Process;
$server = server();
$server->on('workerStart', function () {
    say('worker ' . json_encode([@Process::signal(SIGTERM, 'strlen'), @Process::signal(SIGHUP, fn ($n) => say("hup $n"))]) . getmypid());
});
$server->on('start', fn () => say('master ' . json_encode([@Process::signal(SIGUSR1, 'strlen'), @Process::signal(SIGTERM, 'strlen')])));
$server->start();
PHP);
$run->expect('worker');
$run->expect('master');
$run->kill(1, (int)explode(']', $run->lines('worker ')[0])[1]);
$run->expect('hup 1');
var_dump($run->stop());
echo $run->lines('master ')[0], explode(']', $run->lines('worker ')[0])[0], "]\n";
?>
--EXPECTF--
int(0)

Warning: Skep\Process::signal(): invalid signal number [999] in /server.php on line %d

Warning: Skep\Process::signal(): invalid signal number [-1] in /server.php on line %d
bool(false)
bool(false)

Warning: Skep\Process::signal(): unable to find the callback of signal [10] in /server.php on line %d
bool(false)
int(510)
bool(false)
bool(false)
bool(true)
bool(true)
bool(false)
bool(true)
bool(true)
bool(false)
bool(true)
bool(true)
bool(false)
bool(true)
bool(true)
ready
from the loop
bool(true)
bool(false)
int(0)
[false,false][false,true]
