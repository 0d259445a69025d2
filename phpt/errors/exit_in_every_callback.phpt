--TEST--
exit(5) in every kind of callback
--DESCRIPTION--
A worker is replaced and the server serves on, unless it was stopping; an exit in the manager or the master ends the
server, with nothing left. Code after start() runs only when nobody in the master asked to leave.
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
        \$first = @fopen(getenv('SKEP_DIR') . '/first', 'x');
        if (\$first) {
            say('$event');
            exit(5);
        }
    });
    register_shutdown_function(fn () => say('bye'));
    \$server->start();
    say('after start');
    PHP);
    // Something for each event to happen; whether it is answered depends on the event.
    if ($event === 'connect' || $event === 'close' || $event === 'receive') {
        fclose($run->connect());
        $run->ask('x');
    } elseif ($event === 'workerError') {
        $run->ask('die');
    }
    $ends = in_array($event, ['start', 'managerStart', 'workerError']);
    if (!$ends) {
        if (!in_array($event, ['workerStop', 'managerStop', 'beforeShutdown', 'shutdown'])) {
            $run->expect('bye');
        }
        if ($event !== 'receive' && $run->ask('hi') !== 'got hi') {
            echo "no answer after $event\n";
        }
        $run->kill(15);
    }
    $code = $run->wait();
    preg_match_all('/status=(\d+)/', $run->log(), $statuses);
    printf("%s: master %s, workers %s, said %s\n", $event, $code, implode(' ', $statuses[1]) ?: '-',
        implode(', ', array_filter(explode("\n", $run->output()))));
}
?>
--EXPECT--
start: master 5, workers -, said start, bye, bye, bye
managerStart: master 5, workers -, said managerStart, bye, bye, bye
workerStart: master 0, workers 5, said workerStart, bye, bye, bye, after start, bye
connect: master 0, workers 5, said connect, bye, bye, bye, after start, bye
receive: master 0, workers 5, said receive, bye, bye, bye, after start, bye
close: master 0, workers 5, said close, bye, bye, bye, after start, bye
workerError: master 5, workers 9, said bye, workerError, bye, bye, bye
workerStop: master 0, workers 5, said workerStop, bye, bye, after start, bye
managerStop: master 5, workers -, said bye, managerStop, bye, bye
beforeShutdown: master 5, workers -, said beforeShutdown, bye, bye, bye
shutdown: master 5, workers -, said bye, bye, shutdown, bye
