--TEST--
Event: an exception of a callback that the script catches ends that wait and nothing else
--FILE--
<?php
use Skep\{Event, Process, Timer};

Timer::after(1, function () { throw new Exception('from a timer'); });
try {
    Event::wait();
} catch (Exception $caught) {
    echo $caught->getMessage(), "\n";
}

// A child has a loop of its own, whatever became of the parent's.
$child = new Process(function () { Timer::after(1, function () { echo "timer of a child\n"; }); });
$child->start();
Process::wait();

Event::defer(function () { throw new Exception('from a turn'); });
try {
    Event::dispatch();
} catch (Exception $caught) {
    echo $caught->getMessage(), "\n";
}

Timer::after(1, function () {
    echo "timer after the last line\n";
    Timer::after(1, function () { echo "never\n"; });
    exit;
});
echo "last line\n";
?>
--EXPECTF--
from a timer
timer of a child
from a turn
last line

Deprecated: Skep\Event::rshutdown(): Event::wait() in shutdown function is deprecated in %s on line %d
timer after the last line
