--TEST--
INI settings: skep.* and the same as swoole.*; what does nothing is known; what is no size is refused
--DESCRIPTION--
php-api 1.1, 1.4: display_errors silences warnings with a code (channels B to D), not those without; enable_library Off silences unknown options;
socket_buffer_size is the default of the setting and bounds what Event::write() keeps.
--INI--
swoole.enable_library=Off
skep.socket_buffer_size=64K
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (ini_get_all('skep', false) as $name => $value) {
    echo "$name=$value\n";
}
ob_start();
(new ReflectionExtension('skep'))->info();
preg_match('/^skep.socket_buffer_size.*$/m', ob_get_clean(), $found);
echo $found[0], "\n";

// Sizes.
var_dump(ini_set('skep.socket_buffer_size', 'many'), ini_set('swoole.socket_buffer_size', '-1'), ini_set('skep.socket_buffer_size', '128K'));
var_dump(ini_set('swoole.use_shortname', '0')); // may be set before PHP starts only
[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
Swoole\Event::add($a, fn () => 1);
function taken($a): int
{
    for ($count = 0; Swoole\Event::write($a, str_repeat('x', 1024)); $count++) {
    }
    return $count;
}
$first = taken($a);
ini_set('skep.socket_buffer_size', '256K');
var_dump(taken($a));
ini_restore('skep.socket_buffer_size'); // 64K again
var_dump(taken($a));
ini_set('swoole.unixsock_buffer_size', '1M');
var_dump(taken($a)); // skep's own name goes first
ini_set('skep.socket_buffer_size', '8388608');
var_dump(taken($a));
Swoole\Event::del($a);

// Warnings.
function warnings(): void
{
    $table = new Skep\Table(64);
    $table->column('n', Skep\Table::TYPE_INT);
    $table->create();
    $table->set(str_repeat('k', 100), ['n' => 1]);
    $process = new Skep\Process(fn () => 1, false, 0);
    $process->start();
    var_dump($process->start(), swoole_last_error());           // C: coded
    var_dump(Skep\Process::kill(1 << 22, 1), swoole_last_error()); // D: the system's
    var_dump(Skep\Timer::tick(0, fn () => 1));                  // A
    Skep\Process::wait();
}
foreach (['skep.display_errors', 'swoole.display_errors'] as $name) {
    echo "-- $name off\n";
    var_dump(ini_set($name, 'Off'));
    warnings();
    ini_restore($name);
}
echo "-- on\n";
warnings();

// Unknown options, and the setting of the same name.
$server = new Skep\Server('127.0.0.1', 0, SWOOLE_PROCESS);
echo "-- library off\n";
$server->set(['nonsense' => 1]);
(new Skep\Client(SWOOLE_SOCK_TCP))->set(['nonsense' => 1]);
ini_set('swoole.enable_library', '1');
echo "-- library on\n";
$server->set(['nonsense' => 1, 'display_errors' => false]);
echo "-- set off\n";
warnings();
$server->set(['display_errors' => true]);
ini_set('skep.display_errors', '0');
echo "-- set on\n";
warnings();

// The default of servers.
$run = serve(<<<'PHP'
$server = server(['worker_num' => 1, 'output_buffer_size' => 1 << 20]);
$server->on('receive', function ($server, $fd) {
    for ($sent = 0; $server->send($fd, str_repeat('x', 32768)); $sent += 32768) {
    }
    say("{$server->getLastError()} " . ($sent < 6 << 20 ? 'small' : 'large'));
});
$server->start();
PHP, ['skep.socket_buffer_size=100K']);
$socket = $run->connect();
fwrite($socket, 'x');
$run->expect("\n");
echo $run->output();
var_dump($run->stop());
?>
--EXPECTF--
skep.display_errors=On
skep.enable_library=On
skep.socket_buffer_size=64K
swoole.aio_thread_num=2
swoole.blocking_detection=Off
swoole.blocking_threshold=100000
swoole.display_errors=On
swoole.enable_coroutine=Off
swoole.enable_fiber_mock=Off
swoole.enable_library=
swoole.enable_preemptive_scheduler=Off
swoole.fast_serialize=Off
swoole.leak_detection=Off
swoole.profile=Off
swoole.socket_buffer_size=8388608
swoole.unixsock_buffer_size=8388608
swoole.use_namespace=Off
swoole.use_shortname=On
skep.socket_buffer_size => 64K => 64K
bool(false)
bool(false)
string(3) "64K"
bool(false)
int(128)
int(0)
int(0)
int(768)
-- skep.display_errors off
string(2) "On"

Warning: Skep\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk] is too long in %s on line %d
bool(false)
int(509)
bool(false)
int(3)

Warning: Skep\Timer::tick(): Timer must be greater than or equal to 1 in %s on line %d
bool(false)
-- swoole.display_errors off
string(2) "On"

Warning: Skep\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk] is too long in %s on line %d
bool(false)
int(509)
bool(false)
int(3)

Warning: Skep\Timer::tick(): Timer must be greater than or equal to 1 in %s on line %d
bool(false)
-- on

Warning: Skep\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk] is too long in %s on line %d

Warning: Skep\Process::start(): process has already been started in %s on line %d
bool(false)
int(509)

Warning: Skep\Process::kill(): kill(4194304, 1) failed, Error: No such process[3] in %s on line %d
bool(false)
int(3)

Warning: Skep\Timer::tick(): Timer must be greater than or equal to 1 in %s on line %d
bool(false)
-- library off
-- library on

Warning: unsupported option [nonsense] in %s on line %d
-- set off

Warning: Skep\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk] is too long in %s on line %d
bool(false)
int(509)
bool(false)
int(3)

Warning: Skep\Timer::tick(): Timer must be greater than or equal to 1 in %s on line %d
bool(false)
-- set on

Warning: Skep\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk] is too long in %s on line %d

Warning: Skep\Process::start(): process has already been started in %s on line %d
bool(false)
int(509)

Warning: Skep\Process::kill(): kill(4194304, 1) failed, Error: No such process[3] in %s on line %d
bool(false)
int(3)

Warning: Skep\Timer::tick(): Timer must be greater than or equal to 1 in %s on line %d
bool(false)
1009 small
int(0)
