--TEST--
A long message that has to wait for its worker keeps no other worker's clients waiting
--DESCRIPTION--
The third message does not fit between the second, at which the worker sleeps, and the end of the lane: it needs
more room than half of the lane.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

function message(string $word, int $length): string
{
    return pack('N', $length) . str_pad($word, $length, '.');
}

$run = serve(<<<'PHP'
$server = server(['worker_num' => 2, 'reactor_num' => 1, 'dispatch_mode' => 2, 'open_length_check' => true,
    'worker_queue_size' => '256K', 'package_max_length' => '1M']);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if (str_starts_with(substr($data, 4), 'wait')) {
        for ($until = microtime(true) + 20; !file_exists(getenv('SKEP_DIR') . '/go') && microtime(true) < $until;) {
            clearstatcache();
            usleep(2000);
        }
        for ($i = 0; $i < 100; $i++) {
            $server->send($fd, str_repeat('x', 60000)); // more than there is room for on the way back
        }
    }
    $server->send($fd, (string)strlen($data));
});
$server->start();
PHP);
$busy = $run->connect();
$other = $run->connect();
fwrite($busy, message('first', 60000));
var_dump(fread($busy, 100));
fwrite($other, message('hello', 100));
var_dump(fread($other, 100));
fwrite($busy, message('wait', 120000));
fwrite($busy, message('third', 100000));
$answered = 0;
do {
    fwrite($other, message('hello', 200));
} while (fread($other, 100) === '204' && ++$answered < 100);
var_dump($answered);
touch($run->dir() . '/go');
var_dump(substr(stream_get_contents($busy, 6000012), -12));
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
string(5) "60004"
string(3) "104"
int(100)
string(12) "120004100004"
exit code 0
