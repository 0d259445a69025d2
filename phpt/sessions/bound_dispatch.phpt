--TEST--
dispatch_mode 5: a bound session goes to the worker of its uid, and getClientInfo() shows both
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 4, 'dispatch_mode' => 5]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if (str_starts_with($data, 'bind ')) {
        $server->bind($fd, (int)substr($data, 5));
    }
    $info = $server->getClientInfo($fd);
    $server->send($fd, json_encode([array_key_first($info), $info['uid'] ?? null, $info['worker_id'], $server->worker_id]));
});
$server->on('close', fn ($server, $fd) => say("close of $fd in worker $server->worker_id, uid " . $server->getClientInfo($fd)['uid']));
$server->start();
PHP);
$sockets = [];
foreach ([7, 6, 7] as $uid) {
    $socket = $sockets[] = $run->connect();
    foreach (['before', "bind $uid", 'after', 'again'] as $text) {
        fwrite($socket, $text);
        $answer = fread($socket, 100);
        [$first, $known, $owner, $here] = json_decode($answer);
        // Before it is bound, any worker that is ready owns it; the message that binds is still handled there.
        echo $text, ': ', $text === 'after' || $text === 'again' ? $answer : json_encode([$first, $known]),
            $owner === $here || $text === "bind $uid" ? '' : ' in another worker than the owner', "\n";
    }
}
foreach ($sockets as $index => $socket) {
    fclose($socket);
    $run->expect('close of', $index + 1);
}
$socket = $sockets = null;
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
before: ["uid",0]
bind 7: ["uid",7]
after: ["uid",7,3,3]
again: ["uid",7,3,3]
before: ["uid",0]
bind 6: ["uid",6]
after: ["uid",6,2,2]
again: ["uid",6,2,2]
before: ["uid",0]
bind 7: ["uid",7]
after: ["uid",7,3,3]
again: ["uid",7,3,3]
exit code 0
close of 1 in worker 3, uid 7
close of 2 in worker 2, uid 6
close of 3 in worker 3, uid 7
