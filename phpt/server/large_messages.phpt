--TEST--
64 MiB through send() and back in pieces
--DESCRIPTION--
Messages larger than a lane are cut into fragments; no byte is lost or reordered.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['socket_buffer_size' => 256 << 20]);
$received = 0;
$hash = hash_init('crc32b');
$server->on('receive', function ($server, $fd, $reactor, $data) use (&$received, $hash) {
    $received += strlen($data);
    hash_update($hash, $data);
    if ($received === 64 << 20) {
        $server->send($fd, hash_final($hash));
        $server->send($fd, str_repeat('0123456789abcdef', 4 << 20));
        $server->close($fd);
    }
});
$server->start();
PHP, ['memory_limit=512M']);
$piece = random_bytes(1 << 20);
$hash = hash_init('crc32b');
$socket = $run->connect();
for ($i = 0; $i < 64; $i++) {
    fwrite($socket, $piece);
    hash_update($hash, $piece);
}
var_dump(fread($socket, 8) === hash_final($hash));
$left = 64 << 20;
$same = true;
while ($left > 0 && ($data = stream_get_contents($socket, min($left, 1 << 20))) !== '' && $data !== false) {
    $same = $same && $data === str_repeat('0123456789abcdef', strlen($data) >> 4);
    $left -= strlen($data);
}
var_dump($left, $same, stream_get_contents($socket));
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECTF--
bool(true)
int(0)
bool(true)
string(0) ""
exit code 0
