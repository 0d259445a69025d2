--TEST--
dispatch_func: what it is called with, and what it may answer
--DESCRIPTION--
The function runs in the master. A number below worker_num is a worker, -1 and null drop the message, -2 closes, -3 leaves it to
dispatch_mode; numbers beyond are dropped with a warning, other negatives with a line in the log. Connect and close come whatever it says.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
set_error_handler(fn ($no, $text) => say("warning: $text"));
$master = getmypid();
$server = server(['worker_num' => 4, 'dispatch_func' => function ($server, int $fd, int $type, ?string $data) use ($master) {
    say("asked: fd $fd type $type " . json_encode($data) . (getmypid() === $master ? '' : ' in the wrong process')
        . (get_class($server) === 'Skep\Server' ? '' : ' without the server'));
    return match (true) {
        $type !== 0 => -1,
        $data === 'null' => null,
        $data === 'float' => 2.0,
        $data === 'true' => true,
        default => (int)$data,
    };
}]);
$server->on('connect', fn () => say('connect'));
$server->on('close', fn ($server, $fd, $reactor) => say("close $reactor"));
$server->on('receive', fn ($server, $fd, $reactor, $data) => $server->send($fd, "$data: worker $server->worker_id"));
$server->start();
PHP);
$socket = $run->connect();
$ask = function (string $text) use ($socket) {
    fwrite($socket, $text);
    return fread($socket, 100);
};
foreach (['0', '3', '2', 'float', 'true'] as $text) {
    echo $ask($text), "\n";
}
$home = $ask('-3');
echo 'by mode: ', $home === '-3: worker 1' ? 'the session\'s own' : $home, "\n";
foreach (['-1', 'null', '99', '-9'] as $text) {
    fwrite($socket, $text);
    $run->expect("type 0 \"$text\""); // one message each
    echo "after $text: ", $ask('1'), "\n";
}
fwrite($socket, '-2');
var_dump(fread($socket, 100));
$run->expect('close');
$run->stop();
$lines = array_unique($run->lines(''));
$asked = preg_grep('/^connect$/', $lines, PREG_GREP_INVERT); // that is another process, so it comes when it comes
echo implode("\n", $asked), count($lines) - count($asked), " connect\n", preg_replace('/^.* INFO .*\n/m', '', $run->log());
?>
--EXPECT--
0: worker 0
3: worker 3
2: worker 2
float: worker 2
true: worker 1
by mode: the session's own
after -1: 1: worker 1
after null: 1: worker 1
after 99: 1: worker 1
after -9: 1: worker 1
string(0) ""
asked: fd 1 type 5 null
asked: fd 1 type 0 "0"
asked: fd 1 type 0 "3"
asked: fd 1 type 0 "2"
asked: fd 1 type 0 "float"
asked: fd 1 type 0 "true"
asked: fd 1 type 0 "-3"
asked: fd 1 type 0 "-1"
asked: fd 1 type 0 "1"
asked: fd 1 type 0 "null"
asked: fd 1 type 0 "99"
warning: Skep\Server::start(): invalid target worker-id[99]
asked: fd 1 type 0 "-9"
asked: fd 1 type 0 "-2"
asked: fd 1 type 4 null
close -1
1 connect
#0 WARNING invalid target worker id[-9]
