--TEST--
Process: daemon()
--DESCRIPTION--
The script goes on in another process, in a session of its own; the old one ends with code 0, and without its shutdown functions.
--FILE--
<?php
use Skep\Process;

$file = tempnam(sys_get_temp_dir(), 'skep');
$code = <<<'PHP'
$file = $argv[1];
register_shutdown_function(fn () => file_put_contents($file, getmypid() . " ended\n", FILE_APPEND));
$before = getmypid();
$out = fopen($file, 'a');
mt_srand(5);
$result = Skep\Process::daemon(false, false, [null, $out]);
$session = explode(' ', preg_replace('/^.*\) /', '', file_get_contents('/proc/self/stat')));
echo json_encode([$result, getmypid() !== $before, (int)$session[3] === getmypid(), getcwd(), mt_rand() === 953453411]), "\n";
PHP;
$args = explode("\0", rtrim(file_get_contents('/proc/self/cmdline'), "\0"));
$extension = array_values(array_filter($args, fn ($arg) => str_starts_with($arg, 'extension=')))[0];
mt_srand(5);
$code = str_replace('953453411', (string)mt_rand(), $code);
$launcher = proc_open([PHP_BINARY, '-n', '-d', $extension, '-r', $code, $file], [], $pipes);
do {
    usleep(1000);
    $status = proc_get_status($launcher);
} while ($status['running']);
var_dump($status['exitcode']);
$end = microtime(true) + 10;
do {
    usleep(2000);
    $text = file_get_contents($file);
} while (!str_contains($text, 'ended') && microtime(true) < $end);
echo preg_replace('/^\d+/m', 'pid', $text);
var_dump(str_contains($text, "{$status['pid']} ended"));
unlink($file);
?>
--EXPECT--
int(0)
[true,true,true,"\/",true]
pid ended
bool(false)
