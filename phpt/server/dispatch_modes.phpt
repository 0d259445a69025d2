--TEST--
Dispatch modes that spread a connection drop connect and close
--DESCRIPTION--
One log line for each callback that will not be called; every message is answered all the same.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([1, 2, 3] as $mode) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 2, 'dispatch_mode' => $mode]);
    \$server->on('connect', fn () => say('event'));
    \$server->on('close', fn () => say('event'));
    \$server->on('receive', fn (\$server, \$fd) => \$server->send(\$fd, "\$server->worker_id"));
    \$server->start();
    PHP);
    $socket = $run->connect();
    $seen = [];
    // A worker that has not started yet gets nothing, so mode 1 may need more than two messages to spread.
    eventually(function () use ($socket, $mode, &$seen) {
        fwrite($socket, 'x');
        $seen[fread($socket, 1)] = true;
        static $asked = 0;
        return ++$asked >= 4 && ($mode !== 1 || count($seen) > 1);
    });
    fclose($socket);
    $run->ask('y');
    $run->stop();
    echo "mode $mode: ", count($run->lines('event')), ' events, ',
        $mode === 3 ? 'any worker' : (count($seen) > 1 ? 'spread' : 'one worker'), "\n", preg_replace('/^.* INFO .*\n/m', '', $run->log());
}
?>
--EXPECT--
mode 1: 0 events, spread
%0 WARNING start() (ERRNO 9015): cannot set 'onConnect' event when using dispatch_mode=1
%0 WARNING start() (ERRNO 9015): cannot set 'onClose' event when using dispatch_mode=1
mode 2: 4 events, one worker
mode 3: 0 events, any worker
%0 WARNING start() (ERRNO 9015): cannot set 'onConnect' event when using dispatch_mode=3
%0 WARNING start() (ERRNO 9015): cannot set 'onClose' event when using dispatch_mode=3
