--TEST--
A lock on a file: against unrelated processes and flock(), after the name is gone and the directory has changed
--FILE--
<?php
require __DIR__ . '/../include/memory.inc';

$dir = sys_get_temp_dir() . '/skep-lock-' . getmypid();
mkdir($dir);
chdir($dir);
$lock = new Skep\Lock(Skep\Lock::FILELOCK, 'it');
var_dump(file_exists("$dir/it"), filesize("$dir/it"));
$same = fopen("$dir/it", 'r');
var_dump($lock->lock(), flock($same, LOCK_EX | LOCK_NB));
file_get_contents("$dir/it"); // reading the file and closing it does not unlock it
include "$dir/it";
var_dump(flock($same, LOCK_EX | LOCK_NB), $lock->unlock(), flock($same, LOCK_EX | LOCK_NB));
var_dump($lock->trylock(), $lock->errCode, $lock->lock(LOCK_SH, 0.02), $lock->errCode);
flock($same, LOCK_SH);
var_dump($lock->trylock(), $lock->lock_read(), $lock->unlock());
flock($same, LOCK_UN);

chdir('/');
var_dump(reap(child(fn () => exit($lock->lock() ? 0 : $lock->errCode))));
rename("$dir/it", "$dir/old");
touch("$dir/it"); // another file by that name
flock($same, LOCK_EX);
var_dump(reap(child(fn () => exit($lock->trylock() ? 0 : $lock->errCode))));
flock($same, LOCK_UN);
unlink("$dir/old");
var_dump($lock->lock(), reap(child(fn () => exit($lock->trylock() ? 0 : $lock->errCode))));
// A program that the holder has started does not hold it on.
$program = proc_open(['sleep', '50'], [], $pipes);
$lock->unlock();
var_dump(reap(child(fn () => exit($lock->trylock() ? 0 : $lock->errCode))));
$holder = child(function () use ($lock) {
    $lock->lock();
    $program = proc_open(['sleep', '50'], [], $pipes);
    file_put_contents($GLOBALS['dir'] . '/pid', proc_get_status($program)['pid']);
    exec('kill -9 ' . getmypid());
});
var_dump(reap($holder), $lock->lock(LOCK_EX, 10));
proc_terminate($program, 9);
exec('kill -9 ' . file_get_contents("$dir/pid"));
array_map('unlink', glob("$dir/*"));
rmdir($dir);
?>
--EXPECT--
bool(true)
int(0)
bool(true)
bool(false)
bool(false)
bool(true)
bool(true)
bool(false)
int(16)
bool(false)
int(110)
bool(false)
bool(true)
bool(true)
int(0)
int(16)
bool(true)
int(16)
int(0)
string(8) "signal 9"
bool(true)
