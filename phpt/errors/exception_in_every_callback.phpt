--TEST--
An exception in every kind of callback
--DESCRIPTION--
A worker is replaced, the manager goes on, the master ends the server; nothing is left in any case.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$events = ['start', 'managerStart', 'workerStart', 'connect', 'receive', 'close', 'workerError',
    'workerStop', 'managerStop', 'beforeShutdown', 'shutdown'];
foreach ($events as $event) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 1]);
    \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) {
        if (\$data === 'die') {
            exit(9);
        }
        \$server->send(\$fd, "got \$data");
    });
    \$server->on('$event', function () {
        if (@fopen(getenv('SKEP_DIR') . '/first', 'x')) {
            throw new Exception('thrown');
        }
    });
    register_shutdown_function(fn () => say('bye'));
    try {
        \$server->start();
        say('after start');
    } catch (Exception \$e) {
        say('caught');
    }
    PHP);
    if ($event === 'connect' || $event === 'close' || $event === 'receive') {
        fclose($run->connect());
        $run->ask('x');
    } elseif ($event === 'workerError') {
        $run->ask('die');
    }
    if (in_array($event, ['start', 'managerStart', 'workerStart', 'connect', 'receive', 'close', 'workerError'])) {
        $run->expect('Uncaught Exception: thrown');
    }
    if ($event !== 'start') {
        if ($event !== 'receive' && $run->ask('hi') !== 'got hi') {
            echo "no answer after $event\n";
        }
        $run->kill(15);
    }
    $code = $run->wait();
    preg_match_all('/status=(\d+)/', $run->log(), $statuses);
    printf("%s: master %s, workers %s, printed %d, logged %d, said %s\n", $event, $code, implode(' ', $statuses[1]) ?: '-',
        substr_count($run->output(), 'Uncaught Exception: thrown'), substr_count($run->log(), 'Uncaught Exception: thrown'),
        implode(', ', preg_grep('/^(bye|after start|caught)/', explode("\n", $run->output()))));
}
?>
--EXPECTF--
start: master 255, workers -, printed 1, logged 1, said bye, bye, bye
managerStart: master 0, workers -, printed 1, logged 1, said bye, bye, after start, bye
workerStart: master 0, workers 255, printed 1, logged 1, said bye, bye, bye, after start, bye
connect: master 0, workers 255, printed 1, logged 1, said bye, bye, bye, after start, bye
receive: master 0, workers 255, printed 1, logged 1, said bye, bye, bye, after start, bye
close: master 0, workers 255, printed 1, logged 1, said bye, bye, bye, after start, bye
workerError: master 0, workers 9, printed 1, logged 1, said bye, bye, bye, after start, bye
workerStop: master 0, workers 255, printed 1, logged 1, said bye, bye, after start, bye
managerStop: master 0, workers -, printed 1, logged 1, said bye, bye, after start, bye
beforeShutdown: master 255, workers -, printed 1, logged 1, said bye, bye, bye
shutdown: master 255, workers -, printed 1, logged 1, said bye, bye, bye
