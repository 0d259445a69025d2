--TEST--
close() of a session whose client has closed its side
--DESCRIPTION--
What the client sent after the message that led to close() is not answered any more; the close event comes once.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server(['worker_num' => 1, 'open_eof_split' => true, 'package_eof' => "\n"]);
$server->on('receive', function ($server, $fd, $reactor, $data) {
    usleep(20000); // the client's end has been seen meanwhile
    if ($data === "quit\n") {
        echo json_encode([$server->send($fd, "bye\n"), $server->close($fd), $server->close($fd), $server->send($fd, 'no')]), "\n";
    } else {
        $server->send($fd, $data);
    }
});
$server->on('close', function ($server, $fd, $reactor) { echo "closed\n"; });
$server->start();
PHP);
$socket = $run->connect();
fwrite($socket, "a\nquit\nb\nc\n");
stream_socket_shutdown($socket, STREAM_SHUT_WR);
echo stream_get_contents($socket);
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
a
bye
exit code 0
[true,true,false,false]
closed
