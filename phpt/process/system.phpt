--TEST--
Process: kill, alarm, CPUs, priority, name, exec, set, object rules
--FILE--
<?php
use Skep\Process;

// What there is depends on the machine.
$p = new Process(function () { sleep(60); });
$p->start();
var_dump(Process::kill($p->pid, 0), Process::kill($p->pid), Process::wait()['signal']);
var_dump(Process::kill($p->pid, 0), swoole_last_error(), Process::kill(getmypid(), 9999));
$p = new Process(fn () => [Process::alarm(20000), sleep(60)]);
$p->start();
var_dump(Process::wait()['signal'] === SIGALRM, Process::alarm(1000000), Process::alarm(0), Process::alarm(1000, 7));
$cpus = Process::getAffinity();
var_dump(Process::setAffinity([]), Process::setAffinity([$cpus[0]]), Process::getAffinity() === [$cpus[0]]);
var_dump(Process::setAffinity($cpus), Process::getAffinity() === $cpus);
var_dump(Process::setAffinity([99999]), Process::setAffinity(range(0, swoole_cpu_num())));

$p = new Process(fn ($p) => exit($p->getPriority(PRIO_PROCESS)));
var_dump($p->getPriority(PRIO_PROCESS), $p->getPriority(PRIO_USER), $p->setPriority(PRIO_PGRP, 1));
$slow = new Process(function ($p) { $p->read(); exit($p->getPriority(PRIO_PROCESS)); });
$slow->start();
var_dump($slow->setPriority(PRIO_PROCESS, 7), $slow->getPriority(PRIO_PROCESS), $slow->getPriority(PRIO_PROCESS, getmypid()));
$slow->write('go');
var_dump(Process::wait()['code']);

$p = new Process(function ($p) { $p->name('a name of its own'); $p->write(rtrim(file_get_contents('/proc/self/cmdline'), "\0")); });
$p->start();
var_dump($p->read());
Process::wait();
$p = new Process(fn ($p) => $p->exec('/bin/sh', ['-c', 'read line; echo "$0 got $line"; exit 5', 'shell', 1, 2.5]), true);
$p->start();
$p->write("words\n");
var_dump($p->read(), Process::wait()['code']);
var_dump($p->exec('', []), $p->exec('/nowhere/x', []), $p->exit());
$p->set(['enable_coroutine' => false, 'nonsense' => 1]);
$p->set(['enable_coroutine' => true]);

foreach ([fn () => new Process('nofn'), fn () => new Process('strlen', false, 9), fn () => clone $p, fn () => serialize($p),
    fn () => $p->__construct('strlen'), function () use ($p) { unset($p->pipe); },
    fn () => (new class('strlen') extends Process { function __construct() { } })->start(), fn () => $p->write()] as $try) {
    try {
        $try();
    } catch (Throwable $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}
$p->mine = 1;
var_dump($p->mine);
?>
--EXPECTF--
bool(true)
bool(true)
int(15)

Warning: Skep\Process::kill(): kill(%d, 9999) failed, Error: Invalid argument[22] in %s on line %d
bool(false)
int(3)
bool(false)

Warning: Skep\Process::alarm(): setitimer() failed, Error: Invalid argument[22] in %s on line %d
bool(true)
bool(true)
bool(true)
bool(false)
bool(false)
bool(true)
bool(true)
bool(true)
bool(true)

Warning: Skep\Process::setAffinity(): invalid cpu id [99999] in %s on line %d

Warning: Skep\Process::setAffinity(): More than the number of CPU in %s on line %d
bool(false)
bool(false)

Warning: Skep\Process::getPriority(): $who parameter must not be null in %s on line %d

Warning: Skep\Process::setPriority(): $who parameter must not be null in %s on line %d
int(%d)
bool(false)
bool(false)
bool(true)
int(7)
int(%d)
int(7)
string(17) "a name of its own"
string(16) "shell got words
"
int(5)

Warning: Skep\Process::exec(): exec file name is empty in %s on line %d

Warning: Skep\Process::exec(): execv(/nowhere/x) failed, Error: No such file or directory[2] in %s on line %d

Warning: Skep\Process::exit(): not current process in %s on line %d
bool(false)
bool(false)
NULL

Warning: unsupported option [nonsense] in %s on line %d

Warning: Skep\Process::set(): enable_coroutine is not supported, callbacks run one at a time in %s on line %d
TypeError: Skep\Process::__construct(): Argument #1 ($callback) must be a valid callback, function "nofn" not found or invalid function name
Error: invalid $pipe_type parameters 9
Error: Trying to clone an uncloneable object of class Skep\Process
Exception: Serialization of 'Skep\Process' is not allowed
Error: Constructor of Skep\Process can only be called once
Error: Property pipe of class Skep\Process cannot be unset
Skep\Error: must call constructor first
ArgumentCountError: Skep\Process::write() expects exactly 1 argument, 0 given
int(1)
