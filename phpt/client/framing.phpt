--TEST--
Skep\Client: recv() gives one whole message of each framing, and keeps the rest for the next call
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

$peer = new Peer(function ($connection) {
    $what = trim(fgets($connection));
    [$bytes, $at_once] = unserialize(base64_decode($what));
    foreach (str_split($bytes, $at_once) as $piece) {
        fwrite($connection, $piece);
        fflush($connection);
    }
});
$ask = function (array $settings, string $bytes) use ($peer) {
    $expected = null;
    foreach ([strlen($bytes), 1, 3] as $at_once) {
        $client = $peer->client($settings);
        $client->send(base64_encode(serialize([$bytes, $at_once])) . "\n");
        $got = messages($client);
        $end = $client->errCode;
        if ($expected !== null && $expected !== [$got, $end]) {
            echo "in pieces of $at_once another result\n";
        }
        $expected = [$got, $end];
    }
    echo json_encode($got), " $end\n";
};
foreach (['open_eof_check', 'open_eof_split'] as $key) {
    $ask([$key => true], "one\r\n\r\ntwo\r\n\r\n\r\n\r\n");
    $ask([$key => true, 'package_eof' => 'END'], 'oneENDtwoENDrest');
}
foreach (str_split('cCsSnvlLNVqQJP') as $letter) {
    $field = pack($letter, 3);
    $settings = ['open_length_check' => true, 'package_length_type' => $letter, 'package_length_offset' => 1];
    $ask($settings + ['package_body_offset' => 1 + strlen($field)], str_repeat("-{$field}abc", 2) . "-" . pack($letter, 0));
}
$ask(['open_length_check' => true, 'package_length_type' => 'n', 'package_body_offset' => 0], "\0\5abc\0\2");
$ask(['open_mqtt_protocol' => true], "\x30\2ab\x30\0");
$function = fn (string $bytes) => strlen($bytes) < 2 ? 0 : 2 + ord($bytes[1]);
$ask(['package_length_func' => $function], "x\3abcx\0x\1");

echo "-- framing that changes, messages that are looked at\n";
$client = $peer->client(['open_eof_split' => true, 'package_eof' => "\n"]);
$client->send(base64_encode(serialize(["line\nraw and \3abc", 100])) . "\n");
var_dump($client->recv(0, Skep\Client::MSG_PEEK), $client->recv());
$client->set(['open_eof_split' => false]);
var_dump($client->recv(8, true));
$client->set(['package_length_func' => fn ($bytes) => 1 + ord($bytes[0])]);
var_dump(bin2hex($client->recv()));

echo "-- a function that throws, that leaves, that comes back, that has no number\n";
foreach ([
    function () { throw new LogicException('from the function'); },
    function () use (&$client) { return $client->recv() === false ? -1 : 5; },
    fn () => 'nothing',
    fn () => -1,
] as $function) {
    $client = $peer->client(['package_length_func' => $function, 'timeout' => DEADLINE]);
    $client->send(base64_encode(serialize(["abcdef", 100])) . "\n");
    try {
        var_dump($client->recv());
    } catch (LogicException $error) {
        echo $error->getMessage(), "\n";
    }
    echo "errCode $client->errCode\n";
}
$client = $peer->client(['package_length_func' => function () { exit("left\n"); }]);
$client->send(base64_encode(serialize(["abcdef", 100])) . "\n");
$client->recv();
echo "not reached\n";
?>
--EXPECT--
["one\r\n\r\n","two\r\n\r\n","\r\n\r\n"] 0
["oneEND","twoEND"] 6001
["one\r\n\r\n","two\r\n\r\n","\r\n\r\n"] 0
["oneEND","twoEND"] 6001
["-\u0003abc","-\u0003abc","-\u0000"] 0
["-\u0003abc","-\u0003abc","-\u0000"] 0
["-\u0003\u0000abc","-\u0003\u0000abc","-\u0000\u0000"] 0
["-\u0003\u0000abc","-\u0003\u0000abc","-\u0000\u0000"] 0
["-\u0000\u0003abc","-\u0000\u0003abc","-\u0000\u0000"] 0
["-\u0003\u0000abc","-\u0003\u0000abc","-\u0000\u0000"] 0
["-\u0003\u0000\u0000\u0000abc","-\u0003\u0000\u0000\u0000abc","-\u0000\u0000\u0000\u0000"] 0
["-\u0003\u0000\u0000\u0000abc","-\u0003\u0000\u0000\u0000abc","-\u0000\u0000\u0000\u0000"] 0
["-\u0000\u0000\u0000\u0003abc","-\u0000\u0000\u0000\u0003abc","-\u0000\u0000\u0000\u0000"] 0
["-\u0003\u0000\u0000\u0000abc","-\u0003\u0000\u0000\u0000abc","-\u0000\u0000\u0000\u0000"] 0
["-\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000abc","-\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000abc","-\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"] 0
["-\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000abc","-\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000abc","-\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"] 0
["-\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0003abc","-\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0003abc","-\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"] 0
["-\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000abc","-\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000abc","-\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"] 0
["\u0000\u0005abc","\u0000\u0002"] 0
["0\u0002ab","0\u0000"] 0
["x\u0003abc","x\u0000"] 6001
-- framing that changes, messages that are looked at
string(5) "line
"
string(5) "line
"
string(8) "raw and "
string(8) "03616263"
-- a function that throws, that leaves, that comes back, that has no number
from the function
errCode 0
warning: Skep\Client::recv(): the client is receiving: its package_length_func cannot use it
warning: Skep\Client::recv(): recv() failed, Error: Package malformed data[1204]: after 6 bytes of a message
bool(false)
errCode 1204
string(0) ""
errCode 6001
warning: Skep\Client::recv(): recv() failed, Error: Package malformed data[1204]: after 6 bytes of a message
bool(false)
errCode 1204
left
