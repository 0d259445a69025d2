--TEST--
Process: how a child can end, and what runs then
--DESCRIPTION--
As a script that calls exit(): shutdown functions and destructors run, also those the parent has registered, and what the
parent has buffered is not written twice.
--FILE--
<?php
use Skep\Process;

class Noted
{
    public function __destruct()
    {
        global $out;
        fwrite($out, "destructor\n");
    }
}
$out = fopen('php://temp/' . getmypid(), 'w+');
$file = tempnam(sys_get_temp_dir(), 'skep');
$out = fopen($file, 'a+');
$noted = new Noted;
register_shutdown_function(fn () => fwrite($out, "shutdown\n"));
ini_set('display_errors', '0');
ini_set('log_errors', '0');

function run(string $title, callable $callback): void
{
    global $out, $file;
    ftruncate($out, 0);
    ob_start();
    echo 'buffered;';
    (new Process($callback, false, 0))->start();
    $status = Process::wait();
    ob_end_flush();
    echo "$title: code {$status['code']} signal {$status['signal']} ", str_replace("\n", ' ', file_get_contents($file)), "\n";
}
run('return', fn () => 5);
run('exit', fn () => exit(3));
run('die', function () { register_shutdown_function(fn () => exit(9)); die('text'); });
run('Process::exit', fn ($p) => $p->exit(4));
run('Process::exit 300', fn ($p) => @$p->exit(300));
run('exception', fn () => throw new Exception('x'));
run('fatal', fn () => str_repeat('x', PHP_INT_MAX));
run('killed', fn () => Process::kill(getmypid(), 9));
run('finally', function () { try { exit(6); } finally { fwrite($GLOBALS['out'], "never\n"); } });
run('nested', function () {
    (new Process(fn () => exit(2)))->start();
    exit(Process::wait()['code'] + 10);
});
unset($noted);
ftruncate($out, 0);
unlink($file);
?>
--EXPECT--
buffered;return: code 0 signal 0 shutdown destructor 
buffered;exit: code 3 signal 0 shutdown destructor 
textbuffered;die: code 9 signal 0 shutdown destructor 
buffered;Process::exit: code 4 signal 0 shutdown destructor 
buffered;Process::exit 300: code 1 signal 0 shutdown destructor 
buffered;exception: code 255 signal 0 shutdown destructor 
buffered;fatal: code 255 signal 0 shutdown 
buffered;killed: code 0 signal 9 
buffered;finally: code 6 signal 0 shutdown destructor 
buffered;nested: code 12 signal 0 shutdown destructor shutdown destructor 
