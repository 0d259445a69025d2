--TEST--
Skep\Client in a worker: a server that asks another one; kept connections are one per worker
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$framing = ['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4];
$behind = serve(<<<'PHP'
$server = server(['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $answer = "$fd " . strrev(substr($data, 4));
    $server->send($fd, pack('N', strlen($answer)) . $answer);
});
$server->start();
PHP);
$port = started($behind);
$front = serve(<<<'PHP'
$framing = ['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4];
$server = server($framing + ['worker_num' => 2]);
$server->on('receive', function ($server, $fd, $reactor, $data) use ($framing) {
    $client = new Skep\Client(SWOOLE_SOCK_TCP | SWOOLE_KEEP);
    $client->set($framing + ['timeout' => 10]);
    if (!$client->connect('127.0.0.1', (int)getenv('BEHIND'), 10)) {
        return $server->send($fd, pack('N', 4) . 'fail');
    }
    $client->send($data);
    $server->send($fd, $client->recv());
    $client->close();
});
$server->start();
PHP, env: ['BEHIND' => (string)$port]);
$clients = [];
$at = started($front);
for ($i = 0; $i < 20; $i++) {
    $client = new Skep\Client(SWOOLE_SOCK_TCP);
    $client->set($framing + ['timeout' => DEADLINE]);
    $client->connect('127.0.0.1', $at, DEADLINE);
    $clients[] = $client;
}
$sessions = [];
for ($round = 0; $round < 20; $round++) {
    foreach ($clients as $i => $client) {
        $client->send(pack('N', 6) . sprintf('%03d%03d', $round, $i));
    }
    foreach ($clients as $i => $client) {
        [$session, $answer] = explode(' ', substr($client->recv(), 4));
        $sessions[$session] = true;
        if ($answer !== strrev(sprintf('%03d%03d', $round, $i))) {
            echo "client $i was given $answer\n";
        }
    }
}
var_dump(count($sessions) <= 2);
echo 'exit code ', $front->stop(), "\n", $front->output();
echo 'exit code ', $behind->stop(), "\n", $behind->output();
?>
--EXPECT--
bool(true)
exit code 0
exit code 0
