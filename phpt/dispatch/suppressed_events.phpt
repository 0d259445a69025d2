--TEST--
Which dispatch modes have connect, close and buffer events
--DESCRIPTION--
Modes that spread a session have none, and say so once for each callback that will not be called; the others have all of them.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 77] as $mode) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 2, 'dispatch_mode' => $mode, 'buffer_high_watermark' => 100000]);
    foreach (['connect', 'close', 'bufferFull', 'bufferEmpty'] as \$event) {
        \$server->on(\$event, fn () => say(\$event));
    }
    \$server->on('receive', fn (\$server, \$fd) => \$server->send(\$fd, str_repeat('x', 200000)));
    \$server->start();
    PHP);
    $socket = $run->connect();
    fwrite($socket, 'x');
    for ($got = 0; $got < 200000; $got += $bytes) {
        if (!($bytes = strlen(fread($socket, 65536)))) {
            die("the answer ends after $got bytes");
        }
    }
    fclose($socket);
    $log = substr_count($run->log(), '(ERRNO 9015)'); // written before the first connection is taken
    if ($log === 0) {
        $run->expect("close\n");
    }
    $code = $run->stop();
    $events = $run->lines('');
    sort($events);
    preg_match_all("/start\(\) \(ERRNO 9015\): cannot set '(on\w+)' event when using dispatch_mode=$mode\n/", $run->log(), $lines);
    echo "mode $mode: ", trim(implode(' ', $events)), "; dropped: ", implode(' ', $lines[1]), "; exit code $code\n";
}
?>
--EXPECT--
mode 0: ; dropped: onConnect onClose onBufferFull onBufferEmpty; exit code 0
mode 1: ; dropped: onConnect onClose onBufferFull onBufferEmpty; exit code 0
mode 2: bufferEmpty bufferFull close connect; dropped: ; exit code 0
mode 3: ; dropped: onConnect onClose onBufferFull onBufferEmpty; exit code 0
mode 4: bufferEmpty bufferFull close connect; dropped: ; exit code 0
mode 5: bufferEmpty bufferFull close connect; dropped: ; exit code 0
mode 6: bufferEmpty bufferFull close connect; dropped: ; exit code 0
mode 7: ; dropped: onConnect onClose onBufferFull onBufferEmpty; exit code 0
mode 8: bufferEmpty bufferFull close connect; dropped: ; exit code 0
mode 9: ; dropped: onConnect onClose onBufferFull onBufferEmpty; exit code 0
mode 10: ; dropped: onConnect onClose onBufferFull onBufferEmpty; exit code 0
mode 11: bufferEmpty bufferFull close connect; dropped: ; exit code 0
mode 77: ; dropped: onConnect onClose onBufferFull onBufferEmpty; exit code 0
