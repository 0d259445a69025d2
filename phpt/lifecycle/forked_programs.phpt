--TEST--
What a callback forks or starts inherits nothing of the worker's signals, timers and sockets
--DESCRIPTION--
A child that returns from the callback, exits, or execs, and a program started by proc_open: no signal is blocked, none is
ignored that the server's own caller did not ignore, no timer is armed, and only the standard descriptors and those that
PHP itself leaves open are there. The worker goes on.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
// What this process has been given itself is nothing of the server's.
$given = implode('|', array_map(fn ($fd) => preg_quote((string)@readlink($fd)), glob('/proc/self/fd/*')));
define('SHOW', 'grep -E "^Sig(Blk|Ign)" /proc/self/status; for fd in /proc/$$/fd/*; do readlink $fd; done | grep -E "event|memfd|socket|pipe"'
    . ' | grep -v ^/proc | grep -vE "' . $given . '"; echo end');
function status(): string { return trim(preg_replace('/^(?!Sig(Blk|Ign)).*\n/m', '', file_get_contents('/proc/self/status'))); }
$server = server();
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'proc_open') {
        proc_close(proc_open(['sh', '-c', SHOW], [1 => ['file', getenv('SKEP_DIR') . '/shown', 'w']], $pipes));
        $server->send($fd, file_get_contents(getenv('SKEP_DIR') . '/shown'));
        return;
    }
    if ($child = pcntl_fork()) {
        pcntl_waitpid($child, $status);
        $server->send($fd, "$data: " . (pcntl_wifexited($status) ? 'exit code ' . pcntl_wexitstatus($status) : 'signal ' . pcntl_wtermsig($status))
            . (is_file(getenv('SKEP_DIR') . '/shown') ? "\n" . file_get_contents(getenv('SKEP_DIR') . '/shown') : ''));
        return;
    }
    @unlink(getenv('SKEP_DIR') . '/shown');
    match ($data) {
        'returns' => null,
        'exits' => exit(3),
        'throws' => throw new Exception('in the child'),
        'execs' => pcntl_exec('/bin/sh', ['-c', 'exec >' . getenv('SKEP_DIR') . '/shown; ' . SHOW]),
        'is terminated' => proc_close(proc_open(['kill', '-TERM', (string)getmypid()], [], $pipes)) . usleep(100000) . exit(5),
        'sees' => file_put_contents(getenv('SKEP_DIR') . '/shown', status()),
    };
});
$server->on('workerError', fn () => say('worker error'));
$server->start();
PHP, ['display_errors=0', 'log_errors=0']);
$client = $run->connect();
// What the caller of all this ignores is nothing of the server's either.
preg_match('/^SigIgn:\t(\w+)$/m', file_get_contents('/proc/self/status'), $ignored);
$own = fn ($mask) => sprintf('%016x', hexdec($mask[0]) & ~hexdec($ignored[1]));
foreach (['returns', 'exits', 'throws', 'execs', 'is terminated', 'sees', 'proc_open'] as $what) {
    fwrite($client, $what);
    $shown = trim(fread($client, 4096));
    echo "$what -> ", preg_replace_callback('/(?<=SigIgn:\t)\w+/', $own, $shown), "\n";
}
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
returns -> returns: exit code 0
exits -> exits: exit code 3
throws -> throws: exit code 255
execs -> execs: exit code 0
SigBlk:	0000000000000000
SigIgn:	0000000000000000
end
is terminated -> is terminated: exit code 5
sees -> sees: exit code 0
SigBlk:	0000000000000000
SigIgn:	0000000000000000
proc_open -> SigBlk:	0000000000000000
SigIgn:	0000000000000000
end
exit code 0
