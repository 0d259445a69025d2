--TEST--
Answers that an old process has finished come before anything its successor says
--DESCRIPTION--
Clients that ask without waiting, so that thousands of answers are on their way when a worker is replaced: the stream that
comes back is the stream that was sent. Clients that close their side get every answer before the end.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

const SECONDS = 1.5;
$run = serve(<<<'PHP'
$server = server(['worker_num' => 2]);
$server->on('afterReload', fn () => say('reloaded'));
$server->on('receive', function ($server, $fd, $reactor, $data) {
    foreach (str_split($data, 8) as $cell) {
        $server->send($fd, $cell); // each an answer of its own
    }
});
$server->start();
PHP);

$reload = function () use ($run) {
    static $next = 0.0;
    if (microtime(true) >= $next) {
        $run->kill(10);
        $next = microtime(true) + 0.03;
    }
};

// Many answers on their way.
$clients = [];
for ($i = 0; $i < 8; $i++) {
    stream_set_blocking($socket = $run->connect(), false);
    $clients[] = (object)['socket' => $socket, 'asked' => 0, 'sent' => '', 'got' => 0, 'wrong' => 0];
}
$end = microtime(true) + SECONDS;
$quiet = $end + DEADLINE;
do {
    $reload();
    $asking = microtime(true) < $end;
    $open = 0;
    foreach ($clients as $client) {
        if ($asking && strlen($client->sent) < 32768) {
            for ($batch = ''; strlen($batch) < 4096;) {
                $batch .= sprintf('%07d,', $client->asked++);
            }
            $taken = (int)fwrite($client->socket, $batch);
            $client->asked -= intdiv(strlen($batch) - $taken, 8); // cells that were not taken are asked again
            if ($taken % 8) {
                $rest = substr($batch, $taken, 8 - $taken % 8);
                stream_set_blocking($client->socket, true);
                fwrite($client->socket, $rest);
                stream_set_blocking($client->socket, false);
                $taken += strlen($rest);
            }
            $client->sent .= substr($batch, 0, $taken);
        }
        $data = (string)fread($client->socket, 65536);
        $client->wrong += $data !== substr($client->sent, 0, strlen($data));
        $client->sent = substr($client->sent, strlen($data));
        $client->got += strlen($data);
        $open += strlen($client->sent) > 0;
    }
} while (($asking || $open > 0) && microtime(true) < $quiet && !array_sum(array_column($clients, 'wrong')));
echo 'wrong ', array_sum(array_column($clients, 'wrong')), ', unanswered ', $open, ', ',
    min(array_column($clients, 'got')) > 100_000 ? 'enough' : 'too few', "\n";

// Clients that close their side at once.
$short = $connections = 0;
$end = microtime(true) + SECONDS;
while (microtime(true) < $end) {
    $reload();
    $socket = $run->connect();
    fwrite($socket, str_repeat('12345678', 2000));
    stream_socket_shutdown($socket, STREAM_SHUT_WR);
    $short += strlen(stream_get_contents($socket)) !== 16000;
    $connections++;
}
echo "short $short of ", $connections > 20 ? 'many' : $connections, ', reloads ', count($run->lines('reloaded')) > 10 ? 'many' : 'few', "\n";
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
wrong 0, unanswered 0, enough
short 0 of many, reloads many
exit code 0
