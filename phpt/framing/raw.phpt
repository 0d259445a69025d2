--TEST--
Without a framing onReceive gets what was read
--DESCRIPTION--
At most 64 KiB at a time, in order, nothing lost. open_eof_check comes before open_length_check, this before MQTT.
--FILE--
<?php
require __DIR__ . '/../include/framing.inc';

$run = serve_framed(<<<'PHP'
$server = server();
$both = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$both->set(['open_length_check' => true, 'open_eof_split' => true, 'package_eof' => ';']);
$length = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$length->set(['open_mqtt_protocol' => true, 'open_length_check' => true]);
$mqtt = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$mqtt->set(['open_mqtt_protocol' => true]);
PHP);
$bytes = random_bytes(200000);
$socket = connect_to($run, 0);
stream_set_blocking($socket, false);
$sent = $longest = 0;
$got = '';
eventually(function () use ($socket, $bytes, &$sent) {
    $sent += (int)fwrite($socket, substr($bytes, $sent));
    return $sent === strlen($bytes);
});
stream_set_blocking($socket, true);
while (strlen($got) < strlen($bytes) && ($message = next_message($socket)) !== null) {
    $got .= $message;
    $longest = max($longest, strlen($message));
}
var_dump($got === $bytes, $longest <= 65536);
echo show(talk(connect_to($run, 1), ['one;two;'], 2));
echo show(talk(connect_to($run, 2), [pack('N', 1) . 'x' . pack('N', 0)], 2));
echo show(talk(connect_to($run, 3), ["\x30\x03abc\x50\x00"], 2));
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
bool(true)
bool(true)
["one;","two;"]
["\u0000\u0000\u0000\u0001x","\u0000\u0000\u0000\u0000"]
["0\u0003abc","P\u0000"]
exit code 0
