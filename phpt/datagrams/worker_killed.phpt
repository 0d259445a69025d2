--TEST--
A callback of a datagram that throws, exits or is killed costs one datagram
--DESCRIPTION--
The lines of the log name onPacket; what waits behind is served by the replacement.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/datagrams.inc';

$run = serve_datagrams(<<<'PHP'
$server->on('packet', function ($server, $data, $client) {
    match ($data) {
        'throw' => throw new RuntimeException('thrown'),
        'exit' => exit(3),
        'kill' => posix_kill(getmypid(), 9),
        default => $server->sendto($client['address'], $client['port'], $data),
    };
});
PHP);
$peer = new Peer($run, 0);
foreach (['throw', 'exit', 'kill'] as $end) {
    $peer->tell($end);
    echo $peer->ask("after $end"), "\n";
}
$run->stop();
$log = $run->wholeLog();
foreach (['packet() (ERRNO 503): Fatal error: Uncaught RuntimeException: thrown', 'packet() (ERRNO 9003): worker process',
    'last callback onPacket'] as $line) {
    echo $line, ': ', substr_count($log, $line), "\n";
}
$packet = new Swoole\Server\Packet();
var_dump($packet == unserialize(serialize(clone $packet)), $packet);
?>
--EXPECTF--
after throw
after exit
after kill
packet() (ERRNO 503): Fatal error: Uncaught RuntimeException: thrown: 1
packet() (ERRNO 9003): worker process: 1
last callback onPacket: 3
bool(true)
object(Skep\Server\Packet)#%d (6) {
  ["server_socket"]=>
  int(0)
  ["server_port"]=>
  int(0)
  ["dispatch_time"]=>
  float(0)
  ["address"]=>
  NULL
  ["port"]=>
  int(0)
  ["data"]=>
  NULL
}
