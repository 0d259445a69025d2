--TEST--
Skep\Client: 200 000 questions and answers, and 5 000 connections, leave memory and descriptors as they were
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$run = serve(<<<'PHP'
$server = server(['open_eof_split' => true, 'package_eof' => "\n"]);
$server->on('receive', function ($server, $fd, $reactor, $data) { $server->send($fd, $data); });
$server->start();
PHP);
$port = started($run);
function resident(): int
{
    preg_match('/^VmRSS:\s+(\d+)/m', file_get_contents('/proc/self/status'), $found);
    return (int)$found[1];
}
$client = new Skep\Client(SWOOLE_SOCK_TCP);
$client->set(['open_eof_split' => true, 'package_eof' => "\n", 'timeout' => DEADLINE]);
$client->connect('127.0.0.1', $port, DEADLINE);
$rounds = function (int $count) use ($client) {
    // Many at once, or the test would measure the machine's task switches.
    for ($i = 0; $i < $count; $i += 100) {
        $questions = '';
        for ($j = 0; $j < 100; $j++) {
            $questions .= 'question ' . ($i + $j) . "\n";
        }
        $client->send($questions);
        for ($j = 0; $j < 100; $j++) {
            if ($client->recv() !== 'question ' . ($i + $j) . "\n") {
                die('another answer');
            }
        }
    }
};
$connections = function (int $count) use ($port) {
    for ($i = 0; $i < $count; $i++) {
        $client = new Skep\Client(SWOOLE_SOCK_TCP | ($i % 2 ? SWOOLE_KEEP : 0), false, 'id' . $i % 4);
        $client->set(['timeout' => DEADLINE, 'package_length_func' => fn ($bytes) => strlen($bytes)]);
        $client->connect('127.0.0.1', $port, DEADLINE);
        $client->send("x\n");
        if ($client->recv() !== "x\n") {
            die('no answer');
        }
        $i % 3 and $client->close();
    }
};
$rounds(20000);
$connections(500);
[$php, $resident, $open] = [memory_get_usage(), resident(), count(scandir('/proc/self/fd'))];
$rounds(200000);
$connections(5000);
var_dump(memory_get_usage() - $php < 10000, resident() - $resident < 1024, count(scandir('/proc/self/fd')) - $open);
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
bool(true)
bool(true)
int(0)
exit code 0
