--TEST--
Server::addProcess(): the event loop of a user process
--DESCRIPTION--
php-api 8, 13: it runs in Event::wait(), and by itself when the callback has left something in it. An exception comes out of wait(). A
loop that has nothing left to do ends.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\{Event, Process, Timer};
$server = server(['worker_num' => 1]);
$server->addProcess(new Process(function () use ($server) {
    $count = 0;
    $server->tick(2, function ($id) use (&$count) { ++$count === 3 && Timer::clear($id); });
    $server->after(1, fn () => say('wait: after'));
    Event::defer(fn () => say('wait: deferred'));
    Event::wait();
    say("wait: $count ticks");
    Timer::after(1, fn () => throw new Exception('out of wait'));
    try {
        Event::wait();
    } catch (Exception $e) {
        say('wait: ' . $e->getMessage());
    }
    Timer::tick(1, fn () => Event::exit());
    Event::wait();
    say('wait: left');
    Timer::clearAll();
    Process::signal(SIGUSR1, function ($number) { say("wait: signal $number"); Process::signal(SIGUSR1, null); });
    Process::kill(getmypid(), SIGUSR1);
    Event::wait();
    say('wait: end');
    sleep(60);
}));
$pipe = new Process(function (Process $p) {
    Event::add($p->pipe, function () use ($p) {
        $data = $p->read();
        say("pipe: $data");
        if ($data === 'stop') {
            Event::del($p->pipe);
        }
    });
    // The loop runs behind the callback.
});
$server->addProcess($pipe);
$server->on('workerError', fn ($s, $id, $pid, $code) => say("error: $code"));
$server->on('receive', function ($server, $fd, $reactor, $data) use ($pipe) { $pipe->write($data); $server->send($fd, 'told'); });
$server->start();
PHP);
$run->expect('wait: end');
$pid = fn () => substr_count($run->wholeLog(), 'next start');
var_dump($run->ask('one'), $run->ask('stop'), $run->ask('two'));
$run->expect('pipe: two'); // by its successor
var_dump($run->stop());
echo implode(', ', $run->lines('wait: ')), "\n", implode(', ', $run->lines('pipe: ')), "\n", implode($run->lines('error: ')), "\n";
?>
--EXPECT--
string(4) "told"
string(4) "told"
string(4) "told"
int(0)
deferred, after, 3 ticks, out of wait, left, signal 10, end
one, stop, two

