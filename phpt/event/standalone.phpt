--TEST--
Skep\Event in a script without a server: streams, writes, defer, cycle, exit, dispatch, and every refusal
--FILE--
<?php
use Skep\Event;
use Skep\Timer;

var_dump(Event::del(5), Event::set(5));
[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
stream_set_blocking($a, false);
stream_set_blocking($b, false);
var_dump(Event::add(-1), Event::add('junk'), Event::add(0), Event::add($a, fn () => 1, null, 3));
var_dump(Event::add($a), Event::add($a, null, null, SWOOLE_EVENT_WRITE));
try {
    Event::add($a, 'nofn');
} catch (Swoole\Exception $e) {
    echo $e->getCode(), ' ', $e->getMessage(), "\n";
}
$file = fopen(__FILE__, 'r');
var_dump(Event::add($file, fn () => 1));
$fd = Event::add($a, function ($stream) use ($a) {
    echo $stream === $a ? '' : 'another ', "read '", $data = fread($stream, 3), "'\n";
    if ($data === 'gh') {
        var_dump(Event::del($stream), Event::isset($stream));
    }
});
var_dump(is_int($fd), Event::add($fd, fn () => 1));
var_dump(Event::isset($a), Event::isset($a, SWOOLE_EVENT_WRITE), Event::isset($b), Event::del($b));
var_dump(Event::write($a, ''), Event::write($b, 'x'), Event::set($b, fn () => 1));
fwrite($b, 'abcdefgh');
Event::cycle(function () use (&$turns) { $turns++; });
var_dump(Event::defer(fn () => print("deferred\n")));
Event::wait();
var_dump($turns >= 2, Event::cycle(null));

$total = 0;
Event::add($a, fn () => 1);
Event::add($b, function ($b) use (&$total, $a) {
    $total += strlen(fread($b, 65536));
    if ($total === 5_000_000) {
        var_dump(Event::del($b), Event::del($a));
    }
});
var_dump(Event::write($a, str_repeat('x', 5_000_000)));
swoole_event_wait();
var_dump($total);

Event::add($a, fn () => 1, function ($a) { echo "writable\n"; Event::set($a, null, null, SWOOLE_EVENT_READ); Event::exit(); }, SWOOLE_EVENT_READ | SWOOLE_EVENT_WRITE);
Event::wait();
var_dump(Event::isset($a, SWOOLE_EVENT_WRITE), Event::del($a));
Timer::after(1, fn () => throw new LogicException('boom'));
try {
    Event::wait();
} catch (LogicException $e) {
    echo $e->getMessage(), "\n";
}
var_dump(Event::dispatch());
Event::wait();
try {
    Event::defer('nofn');
} catch (TypeError $e) {
    echo $e->getMessage(), "\n";
}
?>
--EXPECTF--
Warning: Skep\Event::del(): reactor is not ready, cannot call swoole_event_del in %s on line %d

Warning: Skep\Event::set(): reactor is not ready, cannot call swoole_event_set in %s on line %d
bool(false)
bool(false)

Warning: Skep\Event::add(): invalid file descriptor#-1 passed in %s on line %d

Warning: Skep\Event::add(): unknown fd type in %s on line %d

Warning: Skep\Event::add(): invalid file descriptor passed in %s on line %d

Warning: Skep\Event::add(): invalid socket fd [0] in %s on line %d

Warning: Skep\Event::add(): invalid events in %s on line %d
bool(false)
bool(false)
bool(false)
bool(false)

Warning: Skep\Event::add(): Skep\Event: unable to find readable callback of fd [%d] in %s on line %d

Warning: Skep\Event::add(): Skep\Event: unable to find writable callback of fd [%d] in %s on line %d
bool(false)
bool(false)
505 readable_callback must be of type callable, string given

Warning: Skep\Event::add(): swoole_event_add failed in %s on line %d
bool(false)

Warning: Skep\Event::add(): already exist in %s on line %d
bool(true)
bool(false)
bool(true)
bool(false)
bool(false)
bool(false)

Warning: Skep\Event::write(): data empty in %s on line %d

Warning: Skep\Event::write(): socket[%d] is not found in the reactor in %s on line %d

Warning: Skep\Event::set(): socket[%d] is not found in the reactor in %s on line %d
bool(false)
bool(false)
bool(false)
bool(true)
read 'abc'
deferred
read 'def'
read 'gh'
bool(true)
bool(false)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
int(5000000)
writable
bool(false)
bool(true)
boom
bool(true)
Skep\Event::defer(): Argument #1 ($callback) must be a valid callback, function "nofn" not found or invalid function name
