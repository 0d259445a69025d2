--TEST--
A log that nobody reads stops nothing
--DESCRIPTION--
Standard output is a pipe that is full. Lines are dropped and counted; requests, replacement and stop go on.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

// The server of a Run, but with its log on the standard output of a process whose reader reads nothing at first.
$run = serve(<<<'PHP'
$code = <<<'SERVER'
    $server = new Skep\Server('127.0.0.1', (int)$argv[1], SWOOLE_PROCESS);
    $server->set(['worker_num' => 1, 'max_wait_time' => 1]);
    $server->on('receive', function ($server, $fd, $reactor, $data) {
        for ($i = 0; $i < 2000; $i++) {
            $server->stop(100 + $i); // a line each
        }
        $server->send($fd, "got $data");
    });
    $server->start();
SERVER;
$port = (new Skep\Server('127.0.0.1', 0))->port;
$extension = 'extension=' . getenv('SKEP_MODULE');
$inner = proc_open([PHP_BINARY, '-n', '-d', $extension, '-r', $code, '--', (string)$port], [1 => ['pipe', 'w']], $pipes);
announce($port);
$pid = proc_get_status($inner)['pid'];
say("inner $pid");
do {
    usleep(2000);
    $status = proc_get_status($inner); // tells the exit code once
} while ($status['running']);
say("ended $status[exitcode]");
$log = stream_get_contents($pipes[1]);
say(strlen($log) > 60000 ? 'full' : 'not full');
PHP, [], ['SKEP_MODULE' => (function () {
    foreach (file('/proc/self/maps') as $line) {
        if (str_contains($line, 'skep.so')) {
            return trim(substr($line, strpos($line, '/')));
        }
    }
})()]);
$run->expect('inner ');
$inner = (int)$run->lines('inner ')[0];
echo $run->ask('x'), ', ', $run->ask('y'), "\n";
exec("kill -15 $inner");
$run->expect('full');
echo implode("\n", preg_grep('/ended|full/', $run->lines(''))), "\n";
$run->wait();
?>
--EXPECT--
got x, got y
ended 0
full
