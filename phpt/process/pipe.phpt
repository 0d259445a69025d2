--TEST--
Process: the pipe, as messages and as a stream
--DESCRIPTION--
Boundaries, time limits, closing, non-blocking, and the death of either side.
--FILE--
<?php
use Skep\Process;

$stubborn = function ($p) { while (true) { sleep(60); } };
$kill = function (Process $p) { Process::kill($p->pid, 9); Process::wait(); };

$p = new Process(fn ($p) => $p->write('a') + $p->write(str_repeat('b', 20000)) + $p->write('c'));
$p->start();
Process::wait();
var_dump($p->read(), strlen($p->read(100000)), $p->read(), $p->read());
$p = new Process(fn ($p) => $p->write('one') + $p->write('two'), false, Process::PIPE_TYPE_STREAM);
$p->start();
Process::wait();
var_dump($p->read(4), $p->read());
var_dump(@$p->write('x'), swoole_last_error());

$p = new Process($stubborn);
$p->start();
var_dump($p->setTimeout(0.05), $p->read(), swoole_last_error());
var_dump($p->setBlocking(false), $p->read(), swoole_last_error());
// Nobody reads: what does not fit is refused.
for ($sent = 0; @$p->write(str_repeat('x', 100000)); $sent++) {
}
var_dump($sent > 0, swoole_last_error());
var_dump($p->setBlocking(true), $p->write('x'), swoole_last_error());
$kill($p);
var_dump($p->read(), @$p->write('x'), swoole_last_error());

$p = new Process(function ($p) {
    $got = $p->read();
    $end = $p->read();
    exit($got === 'last' && $end === '' ? 11 : 12);
}, false, 1);
$p->start();
var_dump($p->write('last'), $p->close(1), @$p->write('more'), Process::wait()['code']);
var_dump($p->close(7), $p->close(), $p->pipe);
var_dump($p->write('x'), $p->read(), $p->close(), $p->setTimeout(1), $p->setBlocking(true));
$p = new Process('strlen');
var_dump($p->write(''));
// A message that can never fit.
var_dump(@$p->write(str_repeat('x', 100 << 20)), swoole_strerror(swoole_last_error()));

// Standard input and output.
$p = new Process(function ($p) { echo strtoupper(fgets(STDIN)); }, true);
$p->start();
$p->write("a line\n");
var_dump($p->read());
Process::wait();
// The parent is killed: the child sees the end.
$file = tempnam(sys_get_temp_dir(), 'skep');
$parent = new Process(function () use ($file) {
    $child = new Process(function ($p) use ($file) { file_put_contents($file, 'end: ' . var_export($p->read(), true)); });
    $child->start();
    Process::kill(getmypid(), 9);
});
$parent->start();
Process::wait();
$end = microtime(true) + 10;
while (!($text = file_get_contents($file)) && microtime(true) < $end) {
    usleep(2000);
}
var_dump($text);
unlink($file);
?>
--EXPECTF--
string(1) "a"
int(20000)
string(1) "c"
string(0) ""
string(4) "onet"
string(2) "wo"
bool(false)
int(32)
bool(true)
bool(false)
int(6002)
bool(true)
bool(false)
int(11)
bool(true)
int(11)
bool(true)
bool(false)
int(6002)
string(0) ""
bool(false)
int(32)
int(4)
bool(true)
bool(false)
int(11)

Warning: Skep\Process::close(): cannot close the pipe in %s on line %d
bool(false)
bool(true)
NULL

Warning: Skep\Process::write(): no pipe, cannot write into pipe in %s on line %d

Warning: Skep\Process::read(): no pipe, cannot read from pipe in %s on line %d

Warning: Skep\Process::close(): no pipe, cannot close the pipe in %s on line %d

Warning: Skep\Process::setTimeout(): no pipe, cannot setTimeout the pipe in %s on line %d

Warning: Skep\Process::setBlocking(): no pipe, cannot setBlocking the pipe in %s on line %d
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)

Warning: Skep\Process::write(): the data to send is empty in %s on line %d
bool(false)
bool(false)
string(16) "Message too long"
string(7) "A LINE
"
string(7) "end: ''"
