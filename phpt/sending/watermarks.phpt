--TEST--
onBufferFull and onBufferEmpty: their arguments, their order, and send() beyond the limit
--DESCRIPTION--
A client that does not read fills its buffer: one event for all sends above the high mark, then sends are refused with 1009. When it has
read, the other event comes, and sends are taken again. A port has its own callbacks and marks.
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 1, 'socket_buffer_size' => '16M', 'buffer_high_watermark' => '12M', 'buffer_low_watermark' => '1M']);
$other = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$other->set(['buffer_high_watermark' => '1K', 'socket_buffer_size' => '16M']);
$describe = fn ($server, ...$rest) => get_class($server) . ' ' . json_encode($rest) . " in worker $server->worker_id";
$server->on('bufferFull', fn (...$arguments) => say('full ' . $describe(...$arguments)));
$server->on('bufferEmpty', function ($server, ...$rest) use ($describe) {
    say('empty ' . $describe($server, ...$rest) . ', ' . json_encode($server->getClientInfo($rest[0])['send_queued_bytes'] <= 1 << 20));
    $server->send($rest[0], 'end');
});
$server->on('receive', function ($server, $fd) {
    for ($sent = 0; $server->send($fd, str_repeat('x', 65536)); $sent++);
    $queued = $server->getClientInfo($fd)['send_queued_bytes'];
    say('refused with ' . $server->getLastError() . ', ' . json_encode([$queued >= 16 << 20, $queued < (16 << 20) + 65536]));
});
$other->on('receive', fn ($server, $fd, $reactor, $data) => $server->send($fd, str_repeat($data, 2000)));
$other->on('bufferFull', fn ($server, $fd) => say("other full $fd"));
$other->on('bufferEmpty', fn ($server, $fd) => say("other empty $fd"));
PHP . "\n" . TELL_PORTS . '$server->start();');
$socket = connect_to($run, 0);
fwrite($socket, 'go');
$run->expect('refused');
$run->expect('full Skep');
$tail = '';
while ($tail !== 'end' && ($bytes = fread($socket, 65536)) != '') {
    $tail = substr($tail . $bytes, -3);
}
echo $tail, "\n";
fclose($socket);

$socket = connect_to($run, 1);
for ($got = 0, fwrite($socket, 'x'); $got < 2000 && ($bytes = fread($socket, 65536)) != ''; $got += strlen($bytes));
echo $got, "\n";
$run->expect('other empty');
echo 'exit code ', $run->stop(), "\n", $run->output(), preg_replace('/^.* INFO .*\n/m', '', $run->log());
?>
--EXPECT--
end
2000
exit code 0
refused with 1009, [true,true]
full Skep\Server [1] in worker 0
empty Skep\Server [1] in worker 0, true
other full 2
other empty 2
*0 WARNING send() (ERRNO 1009): send failed, session=1 output buffer overflow
