--TEST--
Timers of a script without a server run after its last line; ids, arguments, info, list, stats and errors
--FILE--
<?php
use Skep\Timer;

var_dump(Timer::info(1), Timer::clearAll(), Timer::stats()['initialized']);
$tick = Timer::tick(20, function (int $id, ...$params) use (&$n) {
    echo "tick $id ", json_encode($params), "\n";
    if (++$n === 3) {
        var_dump(Timer::clear($id), Timer::clear($id), Timer::exists($id));
        $info = Timer::info($id);
        var_dump($info['removed'], $info['exec_count'], $info['interval']);
    }
}, 'a', 'b');
$after = swoole_timer_after(5, fn (...$params) => print('after ' . json_encode($params) . "\n"), 1);
var_dump($tick, $after, array_keys(Timer::info($tick)), Timer::info($after)['interval'], Timer::info(99));
var_dump(Timer::list() instanceof Swoole\Timer\Iterator, iterator_to_array(swoole_timer_list()), Timer::stats());
var_dump(Timer::exists(99), Timer::clear(99), Timer::clear(-1));
var_dump(Timer::tick(0, fn () => 1), swoole_timer_after(-5, fn () => 1));
foreach (['Skep\Timer::tick', 'swoole_timer_after'] as $function) {
    try {
        $function(10, 'nofn');
    } catch (TypeError $e) {
        echo $e->getMessage(), "\n";
    }
}
try {
    new Swoole\Timer();
} catch (Error $e) {
    echo $e->getMessage(), "\n";
}
$gone = Timer::after(PHP_INT_MAX, fn () => 1);
var_dump(Timer::clear($gone), class_exists('swoole_timer'));
echo "end of the script\n";
?>
--EXPECTF--
bool(false)
bool(false)
bool(false)
int(1)
int(2)
array(5) {
  [0]=>
  string(9) "exec_msec"
  [1]=>
  string(10) "exec_count"
  [2]=>
  string(8) "interval"
  [3]=>
  string(5) "round"
  [4]=>
  string(7) "removed"
}
int(0)
NULL
bool(true)
array(2) {
  [0]=>
  int(2)
  [1]=>
  int(1)
}
array(3) {
  ["initialized"]=>
  bool(true)
  ["num"]=>
  int(2)
  ["round"]=>
  int(0)
}
bool(false)
bool(false)
bool(false)

Warning: Skep\Timer::tick(): Timer must be greater than or equal to 1 in %s on line %d

Warning: swoole_timer_after(): Timer must be greater than or equal to 1 in %s on line %d
bool(false)
bool(false)
Skep\Timer::tick(): Argument #2 ($callback) must be a valid callback, function "nofn" not found or invalid function name
swoole_timer_after(): Argument #2 ($callback) must be a valid callback, function "nofn" not found or invalid function name
The object of Skep\Timer can not be created for security reasons
bool(true)
bool(true)
end of the script

Deprecated: Skep\Event::rshutdown(): Event::wait() in shutdown function is deprecated in %s on line %d
after [1]
tick 1 ["a","b"]
tick 1 ["a","b"]
tick 1 ["a","b"]
bool(true)
bool(false)
bool(false)
bool(true)
int(3)
int(20)
