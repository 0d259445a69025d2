--TEST--
SIGKILL of the master or of the manager
--DESCRIPTION--
No process is left, and the port is free, within a second.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['master', 'manager'] as $victim) {
    $run = serve(<<<'PHP'
    $server = server(['worker_num' => 3]);
    $server->on('start', fn ($server) => say("pids $server->master_pid $server->manager_pid"));
    $server->start();
    say('after start');
    PHP);
    $run->expect('pids');
    echo $run->ask('x'), "\n";
    [$master, $manager] = explode(' ', $run->lines('pids ')[0]);
    $began = microtime(true);
    $run->kill(9, (int)($victim === 'master' ? $master : $manager));
    echo "$victim: ", $run->wait(), "\n";
    eventually(fn () => !$run->processes());
    var_dump(microtime(true) - $began < 1.5, is_resource(stream_socket_server('tcp://127.0.0.1:' . $run->port())));
}
?>
--EXPECTF--
got x
master: signal 9
bool(true)
bool(true)
got x
manager: 255
bool(true)
bool(true)
