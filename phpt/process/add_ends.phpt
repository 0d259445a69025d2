--TEST--
Server::addProcess(): how it can end, what runs then, and what the manager says
--DESCRIPTION--
lifecycle 6.2, 9, 14.18: whatever its end, it is restarted; a code other than 0 or a signal is reported. Shutdown functions and
destructors run.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\Process;
class Noted { function __construct(private string $name) {} function __destruct() { $GLOBALS['me'] === $this->name && say("destructor of $this->name"); } }
$me = '';
$server = server(['worker_num' => 1]);
$ends = [
    'return' => fn () => 5,
    'exit' => fn () => exit(3),
    'Process::exit' => fn ($p) => $p->exit(4),
    'exception' => fn () => throw new Exception('thrown'),
    'fatal' => fn () => str_repeat('x', PHP_INT_MAX),
    'killed' => fn () => Process::kill(getmypid(), 9),
    'term' => function () { Process::kill(getmypid(), 15); sleep(10); },
    'timer' => function () { Skep\Timer::after(1, fn () => throw new Exception('in a timer')); },
    'stop' => function () use ($server) { $server->stop(); sleep(10); },
];
$noted = [];
register_shutdown_function(fn () => $GLOBALS['me'] !== '' && say("shutdown of {$GLOBALS['me']}"));
foreach ($ends as $name => $end) {
    $noted[] = new Noted($name);
    $server->addProcess(new Process(function ($p) use ($name, $end) {
        $GLOBALS['me'] = $name;
        ini_set('display_errors', '0');
        ini_set('log_errors', '0');
        $count = getenv('SKEP_DIR') . "/count.$p->id";
        file_put_contents($count, 'x', FILE_APPEND);
        if (filesize($count) > 1) {
            say("restarted: $name");
            sleep(60);
        }
        $end($p);
    }));
}
$server->on('workerError', function ($server, $id, $pid, $code, $signal) use ($ends) {
    say('error: ' . array_keys($ends)[$id - 1] . " code $code signal $signal");
});
$server->start();
say('over');
PHP);
$run->expect('restarted: ', 9);
var_dump($run->stop());
foreach (['error: ', 'shutdown of ', 'destructor of '] as $what) {
    $lines = $run->lines($what);
    sort($lines);
    echo "$what\n  ", implode("\n  ", $lines), "\n";
}
$log = $run->log();
echo preg_match_all('/^\$0 WARNING worker\(pid=\d+, id=\d+\) abnormal exit, status=\d+, signal=\d+$/m', $log), " abnormal exits\n";
preg_match_all('/^@\d+ \w+ .*$/m', $log, $own);
sort($own[0]);
echo preg_replace('~ in /.*~', '', implode("\n", $own[0])), "\n";
?>
--EXPECT--
int(0)
error: 
  Process::exit code 4 signal 0
  exception code 255 signal 0
  exit code 3 signal 0
  fatal code 255 signal 0
  killed code 0 signal 9
  term code 0 signal 15
  timer code 255 signal 0
shutdown of 
  Process::exit
  exception
  exit
  fatal
  return
  timer
destructor of 
  Process::exit
  exception
  exit
  return
  timer
7 abnormal exits
@2 NOTICE process() (ERRNO 9003): user process is terminated by exit()/die()
@4 ERROR process() (ERRNO 503): Fatal error: Uncaught Exception: thrown
@5 ERROR process() (ERRNO 503): Fatal error: Allowed memory size of 134217728 bytes exhausted (tried to allocate 9223372036854779904 bytes)
@8 ERROR timer() (ERRNO 503): Fatal error: Uncaught Exception: in a timer
