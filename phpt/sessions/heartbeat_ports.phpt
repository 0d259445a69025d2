--TEST--
The heartbeat of a port: an idle time of its own concerns its sessions alone, and every process tells of them
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2]);
$server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP)->set(['heartbeat_idle_time' => 1]);
$server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP)->set(['heartbeat_idle_time' => 65000]);
$server->on('close', fn ($server, $fd, $reactor) => say("$fd closed by " . ($reactor < 0 ? 'a call' : 'its reactor')));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $server->send($fd, $data === 'protect' ? json_encode($server->protect($fd)) : json_encode([$server->heartbeat(false), $server->worker_id]));
});
$server->on('beforeReload', fn ($server) => say('manager: ' . json_encode($server->heartbeat(false))));
PHP . "\n" . TELL_PORTS . '$server->start();');
$primary = connect_to($run, 0);
echo ask($primary, 'protect'), "\n";
$silent = connect_to($run, 1);
ask($silent, 'hello');
$protected = connect_to($run, 1);
echo ask($protected, 'protect'), "\n";
$patient = connect_to($run, 2);
ask($patient, 'hello');
echo json_encode(stream_get_contents($silent)), "\n";
$run->expect('2 closed by its reactor');
$answers = [];
eventually(function () use ($run, $primary, &$answers) {
    $answers[ask($primary, 'heartbeat')] = true;
    $other = connect_to($run, 0);
    $answers[ask($other, 'heartbeat')] = true;
    return count($answers) > 1;
});
ksort($answers);
echo implode(' ', array_keys($answers)), "\n";
$run->kill(10);
$run->expect('manager: ');
echo implode($run->lines('manager: ')), "\n";
echo ask($patient, 'still here') !== '' && ask($protected, 'still here') !== '' ? 'the others stay' : 'too many are closed', "\n";
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
true
true
""
[[],0] [[],1]
[]
the others stay
exit code 0
