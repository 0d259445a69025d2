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
