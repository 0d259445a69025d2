--TEST--
open_length_check: every letter, both offsets, and lengths that are none
--DESCRIPTION--
A message is package_body_offset plus the value of its field long, and comes with its header. What is no length ends the connection,
with a line in the log; the close event tells that the server's reactor has ended it.
--FILE--
<?php
require __DIR__ . '/../include/framing.inc';

$letters = ['c', 'C', 's', 'S', 'n', 'v', 'l', 'L', 'N', 'V', 'q', 'Q', 'J', 'P'];
$run = serve_framed('$letters = ' . var_export($letters, true) . ';' . <<<'PHP'
$server = server(['open_length_check' => true]); // N, 0, 4
foreach ($letters as $letter) {
    $port = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
    $port->set(['open_length_check' => true, 'package_length_type' => $letter, 'package_length_offset' => 2, 'package_body_offset' => 12]);
}
$whole = $server->listen('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$whole->set(['open_length_check' => true, 'package_length_type' => 'N', 'package_body_start' => 0, 'package_max_length' => '100K']);
PHP);
$frame = fn (string $body) => pack('N', strlen($body)) . $body;
var_dump(talk(connect_to($run, 0), [$frame('one') . $frame('') . $frame('three')], 3)
    === [$frame('one'), $frame(''), $frame('three')]);
foreach ($letters as $index => $letter) {
    $make = fn (string $body) => str_pad('ID' . pack($letter, strlen($body)), 12, '.') . $body;
    $messages = [$make('a body'), $make(''), $make(str_repeat('x', 100))];
    echo $letter, ' ', json_encode(talk(connect_to($run, $index + 1), str_split(implode($messages), 50), 3) === $messages), "\n";
}
echo "no lengths\n";
foreach (['c' => -1, 's' => -2, 'l' => -3, 'q' => -4, 'J' => -5, 'Q' => -6, 'P' => -7] as $letter => $length) {
    echo show(refused($run, array_search($letter, $letters) + 1, 'ID' . pack($letter, $length) . '0123456789'));
}
$whole = count($letters) + 1;
echo show(refused($run, $whole, pack('N', 5) . '!' . pack('N', 0) . 'more'));
echo show(refused($run, $whole, pack('N', 2)));
echo show(refused($run, $whole, pack('N', 102401)));
$limit = pack('N', 102400) . str_repeat('x', 102396);
var_dump(talk(connect_to($run, $whole), [$limit], 1) === [$limit]);
$run->expect('close', 10);
echo 'exit code ', $run->stop(), "\n";
var_dump(substr_count($run->output(), 'by server'));
// The first line of each code; more of them within a second are counted.
preg_match_all('/\(ERRNO (\d+)\): (?!\d+ more)(.*)$/m', $run->log(), $lines);
foreach (array_unique($lines[1]) as $at => $code) {
    echo "$code: {$lines[2][$at]}\n";
}
?>
--EXPECTF--
bool(true)
c true
C true
s true
S true
n true
v true
l true
L true
N true
V true
q true
Q true
J true
P true
no lengths
[]
[]
[]
[]
[]
[]
[]
["\u0000\u0000\u0000\u0005!"]
[]
[]
bool(true)
exit code 0
int(0)
1204: received 3 bytes of malformed data, remote_addr=<127.0.0.1:%d>
1202: bad request, no length found in 4 bytes, remote_addr=<127.0.0.1:%d>
1201: the received packet length 102401 is too large, remote_addr=<127.0.0.1:%d>
