--TEST--
Skep\Client with SWOOLE_KEEP: a connection stays for the next client of the same address, id and settings
--DESCRIPTION--
One that the server has closed, or on which something has come that nobody asked for, is not taken again; a forked
child takes none of its parent's.
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$run = serve(<<<'PHP'
$server = server(['open_eof_split' => true, 'package_eof' => "\n"]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    match ($data) {
        "close\n" => $server->close($fd),
        "twice\n" => $server->send($fd, "one\ntwo\n"),
        default => $server->send($fd, "$fd\n"),
    };
});
$server->start();
PHP);
$port = started($run);
$framing = ['open_eof_split' => true, 'package_eof' => "\n", 'timeout' => DEADLINE];
$client = function (string $id = '', array $settings = [], int $type = SWOOLE_SOCK_TCP | SWOOLE_KEEP) use ($port, $framing) {
    $client = new Skep\Client($type, false, $id);
    $client->set($settings + $framing);
    $client->connect('127.0.0.1', $port, DEADLINE);
    return $client;
};
$ask = function (Skep\Client $client, string $what = 'who') {
    $client->send("$what\n");
    return trim($client->recv());
};
$show = function (string $what, Skep\Client $client, string $first) use ($ask) {
    echo "$what: ", $ask($client) === $first ? 'the first' : 'another', ', reuse ', json_encode($client->reuse), " $client->reuseCount\n";
};
$one = $client();
$first = $ask($one);
$show('one', $one, $first);
var_dump($one->close(), $one->sock, $one->isConnected());
$two = $client();
$show('two', $two, $first);
$show('while it is in use', $client(), $first);
$two->close();
$show('another id', $client('id'), $first);
$show('other certificates', $client('', ['ssl_verify_peer' => true]), $first);
$show('not to be kept', $client('', [], SWOOLE_SOCK_TCP), $first);
$pid = pcntl_fork();
if (!$pid) {
    $show('child', $client(), $first);
    pcntl_exec('/bin/true');
}
pcntl_waitpid($pid, $status);
$three = $client();
$show('three', $three, $first);
unset($three); // the end of an object is no end of its connection
$four = $client();
$show('four', $four, $first);
var_dump($four->close(true));
// What "while it is in use" has left is there, and was kept before.
$show('after the end', $five = $client(), $first);
$second = $ask($five);
$ask($five, 'twice'); // "two" is not read
$five->close();
var_dump($ask($client()) === $second);
$six = $client('closed');
$third = $ask($six);
$six->send("close\n");
$read = [$six];
$write = $except = [];
var_dump(swoole_client_select($read, $write, $except, DEADLINE));
$six->close();
$show('closed by the server', $client('closed'), $third);
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
one: the first, reuse false 0
bool(true)
int(-1)
bool(false)
two: the first, reuse true 1
while it is in use: another, reuse false 0
another id: another, reuse false 0
other certificates: another, reuse false 0
not to be kept: another, reuse false 0
child: another, reuse false 0
three: the first, reuse true 2
four: the first, reuse true 3
bool(true)
after the end: another, reuse true 1
bool(false)
int(1)
closed by the server: another, reuse false 0
exit code 0
