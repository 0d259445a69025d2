--TEST--
enable_unsafe_event: connect and close once each in the modes that spread a session
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([1, 3, 7, 9, 10] as $mode) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 3, 'dispatch_mode' => $mode, 'enable_unsafe_event' => true]);
    \$server->on('connect', fn (\$server, \$fd) => say("connect \$fd"));
    \$server->on('close', fn (\$server, \$fd) => say("close \$fd"));
    \$server->on('receive', fn (\$server, \$fd, \$reactor, \$data) => \$server->send(\$fd, \$data));
    \$server->start();
    PHP);
    for ($i = 0; $i < 8; $i++) {
        if ($run->ask('x') !== 'x') {
            echo "no answer\n";
        }
    }
    $run->expect('close', 8);
    $run->stop();
    $connects = $run->lines('connect ');
    $closes = $run->lines('close ');
    sort($connects);
    sort($closes);
    echo "mode $mode: ", $connects === $closes && count(array_unique($closes)) === 8 ? 'once each' : 'wrong', ', ',
        substr_count($run->log(), 'WARNING'), " warnings\n";
}
?>
--EXPECT--
mode 1: once each, 0 warnings
mode 3: once each, 0 warnings
mode 7: once each, 0 warnings
mode 9: once each, 0 warnings
mode 10: once each, 0 warnings
