--TEST--
sendfile(): whole files, parts, between sends, behind close()
--DESCRIPTION--
Order with send() is kept; a file may be removed as soon as the call has returned.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $file = __DIR__ . '/content';
    switch ($data) {
        case 'between':
            $server->send($fd, 'head');
            var_dump($server->sendfile($fd, $file));
            $server->send($fd, 'tail');
            break;
        case 'part':
            var_dump($server->sendfile($fd, $file, 10, 20), $server->sendfile($fd, $file, (8 << 20) - 5));
            break;
        case 'removed':
            copy($file, "$file.copy");
            var_dump($server->sendfile($fd, "$file.copy"), unlink("$file.copy"), $server->close($fd));
            break;
    }
});
$server->start();
PHP);
$content = random_bytes(1 << 20);
$content = str_repeat($content, 8);
file_put_contents($run->dir() . '/content', $content);
$socket = $run->connect();
fwrite($socket, 'between');
var_dump(stream_get_contents($socket, strlen($content) + 8) === "head{$content}tail");
fwrite($socket, 'part');
var_dump(stream_get_contents($socket, 25) === substr($content, 10, 20) . substr($content, -5));
fwrite($socket, 'removed');
var_dump(stream_get_contents($socket) === $content);
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
exit code 0
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
