--TEST--
onBufferFull, onBufferEmpty and what send() refuses
--DESCRIPTION--
Once each per crossing, with server and session alone. What was accepted is delivered; beyond socket_buffer_size send() is false
with 1009, one line in the log for many.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['socket_buffer_size' => 1000000, 'buffer_high_watermark' => 800000, 'buffer_low_watermark' => 100000,
    'kernel_socket_send_buffer_size' => 65536, 'output_buffer_size' => '2M']);
$server->on('receive', function ($server, $fd) {
    swoole_clear_error();
    say(json_encode([$server->send($fd, str_repeat('x', (2 << 20) + 1)), $server->getLastError(), $server->send($fd, 'x'), $server->getLastError()]));
    $sent = 1;
    while ($server->send($fd, str_repeat('x', 10000))) {
        $sent += 10000;
    }
    say("refused " . $server->getLastError() . ' ' . json_encode($server->send($fd, 'more')));
    say("sent $sent");
});
foreach (['bufferFull', 'bufferEmpty'] as $event) {
    $server->on($event, fn (...$arguments) => say($event . ' ' . count($arguments) . ' ' . json_encode([$arguments[0] === $server, $arguments[1]])));
}
$server->start();
PHP);
$socket = $run->connect();
fwrite($socket, 'x');
$run->expect("\nsent ");
$run->expect('bufferFull');
$sent = (int)$run->lines('sent ')[0];
echo strlen(stream_get_contents($socket, $sent)) === $sent ? 'all' : 'too little', "\n";
$run->expect('bufferEmpty');
echo 'exit code ', $run->stop(), "\n", preg_replace('/^sent \d{7,}$/m', 'sent much', $run->output()), preg_replace('/^.* INFO .*\n/m', '', $run->log());
?>
--EXPECTF--
all
exit code 0
[false,1203,true,1203]
refused 1009 false
sent much
bufferFull 2 [true,1]
bufferEmpty 2 [true,1]
*0 WARNING send() (ERRNO 1203): The length of data [2097153] exceeds the output buffer size[2097152], please use the sendfile, chunked transfer mode or adjust the output_buffer_size
*0 WARNING send() (ERRNO 1009): send failed, session=1 output buffer overflow%A
