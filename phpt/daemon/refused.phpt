--TEST--
A daemon that cannot start: the launcher says why and does not end with 0
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([true, false] as $daemonize) {
    $run = serve('$server = server(["user" => "no-such-user", "daemonize" => ' . var_export($daemonize, true) . ']);
        $server->start(); say("after");');
    $code = $run->wait();
    echo $code === 0 ? 'zero' : 'not zero', ' ', preg_match('/(get user \[no-such-user\] info failed|needs a server that is started as root)/', $run->output()), "\n";
}
$first = serve('$server = server(["pid_file" => getenv("PID_FILE")]); $server->start();', [], ['PID_FILE' => $path = sys_get_temp_dir() . '/skep-pid-' . getmypid()]);
$first->ask('served');
$second = serve('$server = server(["pid_file" => getenv("PID_FILE"), "daemonize" => true]); $server->start();', [], ['PID_FILE' => $path]);
echo $second->wait(), ' ', str_contains($second->output(), "is held by a running server (pid $first->pid)") ? 'held' : $second->output(), "\n";
echo $first->stop(), ' ', file_exists($path) ? 'left' : 'removed', "\n";
?>
--EXPECT--
not zero 1
not zero 1
255 held
0 removed
