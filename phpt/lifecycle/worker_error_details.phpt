--TEST--
workerError is told all that is known of a dead worker
--DESCRIPTION--
As a sixth argument that functions with fewer parameters do not notice, PHP's own among them.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$server = <<<'PHP'
function show($server, $id, $pid, $code, $signal, $details) {
    say(json_encode([$id, $code, $signal, array_keys($details), $details['signal_name'], $details['requests'], $details['callback'], $details['fd']]));
    say(json_encode([is_float($details['uptime']) && $details['uptime'] >= 0 && $details['uptime'] < 60,
        $details['peak_rss'] > 1 << 20 && $details['peak_rss'] < 1 << 30]));
}
class Magic { function __call($name, $args) { say("$name with " . count($args)); } }
$server = server();
$server->on('workerError', CALLBACK);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    match ($data) {
        'exit' => exit(9),
        'kill' => proc_close(proc_open(['kill', '-KILL', (string)getmypid()], [], $pipes)),
        default => $server->send($fd, "got $data"),
    };
});
$server->start();
PHP;
foreach (["'show'", 'fn ($server, $id) => say("two arguments")', "'gc_status'", 'gc_status(...)', '[new Magic, "any"]'] as $callback) {
    $run = serve(str_replace('CALLBACK', $callback, $server), ['display_errors=0', 'log_errors=0']);
    echo "$callback: ", $run->ask('x'), ' ', $run->ask('x'), ' ', $run->ask('exit'), $run->ask('x'), ' ', $run->ask('kill'), $run->ask('x'), "\n";
    echo 'exit code ', $run->stop(), "\n", $run->output();
    preg_match_all('/gc_status.. expects .*? given/', $run->log(), $refused);
    echo implode("\n", $refused[0]), "\n";
}
?>
--EXPECT--
'show': got x got x got x got x
exit code 0
[0,9,0,["signal_name","uptime","requests","callback","fd","peak_rss"],"",2,"onReceive",3]
[true,true]
[0,0,9,["signal_name","uptime","requests","callback","fd","peak_rss"],"SIGKILL",1,"onReceive",5]
[true,true]

fn ($server, $id) => say("two arguments"): got x got x got x got x
exit code 0
two arguments
two arguments

'gc_status': got x got x got x got x
exit code 0
gc_status() expects exactly 0 arguments, 5 given
gc_status() expects exactly 0 arguments, 5 given
gc_status(...): got x got x got x got x
exit code 0
gc_status() expects exactly 0 arguments, 5 given
gc_status() expects exactly 0 arguments, 5 given
[new Magic, "any"]: got x got x got x got x
exit code 0
any with 6
any with 6
