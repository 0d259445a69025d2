--TEST--
Table: the workers of a server share one; killing them with -9 in the middle of it neither stops nor tears anything
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$table = new Swoole\Table(256);
$table->column('n', Swoole\Table::TYPE_INT);
$table->column('s', Swoole\Table::TYPE_STRING, 200);
$table->create();
$server = server(['worker_num' => 4]);
$server->on('receive', function ($server, $fd, $reactor, $data) use ($table) {
    [$what, $argument] = explode(' ', $data) + [1 => ''];
    if ($what === 'count') {
        for ($i = 0; $i < 20000; $i++) {
            $table->incr('sum', 'n');
        }
        $server->send($fd, 'counted by ' . $server->worker_id);
    } elseif ($what === 'write') {
        // Long enough to be killed at it, with keys that others write to as well.
        $server->send($fd, (string)getmypid());
        for ($i = 0; $i < 60000; $i++) {
            $key = 'row' . $i % 20;
            $table->set($key, ['n' => $i % 190, 's' => str_repeat(chr(65 + $i % 26), $i % 190)]);
            if ($i % 7 === 0) {
                $table->del($key);
            }
        }
    } elseif ($what === 'check') {
        $wrong = 0;
        for ($i = 0; $i < 20000; $i++) {
            $row = $table->get('row' . $i % 20);
            $wrong += $row && ($row['n'] !== strlen($row['s']) || $row['s'] !== str_repeat($row['s'][0] ?? '', $row['n']));
        }
        // Writes as well, to shelves that the dead have held.
        for ($i = 0; $i < 300; $i++) {
            $table->set("own$i", ['n' => 1]);
            $table->del("own$i");
        }
        $server->send($fd, $wrong ? "$wrong torn rows" : 'whole');
    } elseif ($what === 'sum') {
        $server->send($fd, json_encode($table->get('sum')));
    } elseif ($what === 'end') {
        foreach ($table as $key => $row) {
            $table->del($key);
        }
        $server->send($fd, json_encode([count($table), $table->stats()['num'], $table->stats()['available_slice_num']]));
    }
});
$server->start();
PHP);

// All workers count at once: nothing is lost.
$sockets = [];
for ($i = 0; $i < 8; $i++) {
    $sockets[] = $socket = $run->connect();
    fwrite($socket, 'count');
}
$workers = array_unique(array_map(fn ($socket) => fread($socket, 100), $sockets));
$sockets = $socket = null;
echo $run->ask('sum'), count($workers) > 1 ? ' by several workers' : ' by one worker', "\n";

// Some write, and are killed. The others go on, and the successors too.
for ($round = 0; $round < 8; $round++) {
    $socket = $run->connect();
    fwrite($socket, 'write');
    $pid = (int)fread($socket, 100);
    if (!$pid) {
        die("no writer; the server said:\n" . $run->output() . $run->log());
    }
    usleep(random_int(0, 3000));
    $run->kill(9, $pid);
    $answer = $run->ask('check');
    // A message that was with the dead one is answered by a closed connection.
    for ($again = 0; $answer === '' && $again < 20; $again++) {
        $answer = $run->ask('check');
    }
    if ($answer !== 'whole') {
        echo "round $round: '$answer'\n";
    }
}
for ($answer = ''; $answer === ''; $answer = $run->ask('end'));
echo $answer, "\n", 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
{"n":160000,"s":""} by several workers
[0,0,307]
exit code 0
