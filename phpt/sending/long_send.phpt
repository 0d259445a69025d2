--TEST--
send() of 128 MiB to a client that does not read yet
--DESCRIPTION--
The call returns, the memory of worker and master stays small, and everything arrives.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'dispatch_mode' => 2]);
function resident(int $pid): int
{
    preg_match('/VmRSS:\s+(\d+) kB/', file_get_contents("/proc/$pid/status"), $found);
    return (int)$found[1];
}
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data !== 'long') {
        return $server->send($fd, json_encode([resident($server->master_pid), $server->getClientInfo((int)$data)['send_queued_bytes'] ?? -1]));
    }
    var_dump($server->send($fd, str_repeat('0123456789abcdef', 8 << 20)));
    var_dump($server->send($fd, 'too much'), $server->getLastError());
});
$server->start();
PHP, ['memory_limit=512M']);
$other = $run->connect();
fwrite($other, '1');
[$before] = json_decode(fread($other, 1000));
$socket = $run->connect();
fwrite($socket, 'long');
$length = 128 << 20;
$after = 0;
$queued = eventually(function () use ($other, $length, &$after) {
    fwrite($other, '2');
    [$after, $queued] = json_decode(fread($other, 1000));
    return $queued > $length / 2;
});
var_dump($queued, $after - $before < 16 << 10);
$same = true;
while ($length > 0 && ($data = stream_get_contents($socket, min($length, 1 << 20))) !== '' && $data !== false) {
    $same = $same && $data === str_repeat('0123456789abcdef', strlen($data) >> 4);
    $length -= strlen($data);
}
var_dump($length, $same);
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
bool(true)
bool(true)
int(0)
bool(true)
exit code 0
bool(true)
bool(false)
int(1009)
