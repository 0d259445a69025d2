--TEST--
A worker that dies in onClose leaves no session and no descriptor behind
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['posix_kill(getmypid(), 9)', 'exit(4)', 'throw new Exception("thrown")'] as $end) {
    $run = serve(<<<PHP
    \$server = server();
    \$server->on('close', function (\$server, \$fd) {
        say("close of \$fd");
        if (\$fd % 2 === 0) {
            $end;
        }
    });
    \$server->on('receive', fn (\$server, \$fd) => \$server->send(\$fd, json_encode([\$server->stats()['connection_num'], \$server->getClientList()])));
    \$server->start();
    PHP);
    $sockets = fn () => count(preg_grep('/^socket:/', array_map(fn ($path) => (string)@readlink($path), glob("/proc/$run->pid/fd/*"))));
    $first = $run->connect();
    fwrite($first, 'x');
    echo fread($first, 100), ' ';
    $before = $sockets();
    for ($i = 0; $i < 4; $i++) {
        fclose($run->connect());
        $run->expect('close of ' . $i + 2);
    }
    $ask = function () use ($first) {
        fwrite($first, 'x');
        return fread($first, 100);
    };
    echo eventually(fn () => $ask() === '[1,[1]]') ? 'nothing left' : 'left: ' . $ask(), ', ',
        eventually(fn () => $sockets() === $before) ? 'no descriptor' : $sockets() . " descriptors instead of $before", "\n";
    fclose($first);
    $run->stop();
    $closes = preg_grep('/^close of/', $run->lines(''));
    echo count($closes), ' of ', count(array_unique($closes)), " sessions\n";
}
?>
--EXPECT--
[1,[1]] nothing left, no descriptor
5 of 5 sessions
[1,[1]] nothing left, no descriptor
5 of 5 sessions
[1,[1]] nothing left, no descriptor
5 of 5 sessions
