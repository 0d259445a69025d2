--TEST--
Handlers of signals run while Atomic::wait and Lock::lock wait; what they throw ends the waiting
--SKIPIF--
<?php extension_loaded('pcntl') || die('skip needs pcntl'); ?>
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';
pcntl_async_signals(true);

$atomic = new Skep\Atomic();
$held = new Skep\Lock();
$ready = new Skep\Atomic();
$holder = child(function () use ($held, $ready) {
    $held->lock();
    $ready->set(1);
    sleep(50);
});
eventually(fn () => $ready->get());
$waits = ['wait' => fn () => $atomic->wait(0), 'lock' => fn () => $held->lock()];

/** SIGUSR1 for this process in a moment. */
function soon(): int
{
    $parent = getmypid();
    return child(function () use ($parent) {
        for ($i = 0; $i < 200; $i++) { // one may come before the waiting begins: then the next one counts
            usleep(20000);
            exec("kill -USR1 $parent 2>/dev/null", result_code: $gone);
            $gone === 0 || exit(0);
        }
    });
}

foreach ($waits as $name => $wait) {
    echo "$name: ";
    pcntl_signal(SIGUSR1, function () { throw new LogicException('enough'); });
    $sender = soon();
    try {
        var_dump($wait());
    } catch (LogicException $e) {
        pcntl_signal(SIGUSR1, SIG_IGN);
        echo $e->getMessage(), ' ', $held->errCode, "\n";
    }
    slay($sender);
}

echo "handlers that return do not end it: ";
$count = 0;
pcntl_signal(SIGUSR1, function () use (&$count, $atomic) {
    if (++$count === 3) {
        $atomic->wakeup();
    }
});
$sender = soon();
var_dump($atomic->wait(0), $count >= 3);
slay($sender);

echo "a lock that its waiter's handler destroys: ";
$other = new Skep\Lock(Skep\Lock::SEM);
$gone = child(function () use ($other, $ready) {
    $other->lock();
    $ready->set(2);
    sleep(50);
});
eventually(fn () => $ready->get() === 2);
pcntl_signal(SIGUSR1, function () use ($other) {
    pcntl_signal(SIGUSR1, SIG_IGN);
    $other->destroy();
});
$sender = soon();
var_dump($other->lock(LOCK_EX, 0.7), $other->errCode);
attempt(fn () => $other->unlock());
slay($sender);
slay($gone);

echo "a lock that its waiter's handler takes: ";
$mine = new Skep\Lock();
$short = child(function () use ($mine, $ready) {
    $mine->lock();
    $ready->set(3);
    usleep(300000);
    $mine->unlock();
});
eventually(fn () => $ready->get() === 3);
pcntl_signal(SIGUSR1, function () use ($mine) {
    pcntl_signal(SIGUSR1, SIG_IGN);
    $mine->lock();
});
$sender = soon();
$mine->lock();
echo "there is one holder and it is us: ";
var_dump($mine->trylock(), $mine->unlock(), $mine->unlock());
slay($sender);
reap($short);

echo "exit in a handler: ";
$exits = child(function () use ($atomic) {
    pcntl_signal(SIGALRM, function () { exit(7); });
    pcntl_alarm(1);
    $atomic->set(0);
    $atomic->wait(0);
});
echo reap($exits), "\n";
slay($holder);
?>
--EXPECT--
wait: enough 0
lock: enough 4
handlers that return do not end it: bool(true)
bool(true)
a lock that its waiter's handler destroys: bool(false)
int(110)
Skep\Error(509): must call constructor first
a lock that its waiter's handler takes: there is one holder and it is us: bool(false)
bool(true)
bool(false)
exit in a handler: 7
