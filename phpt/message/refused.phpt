--TEST--
What sendMessage() refuses: warning, false, code; finish() in a message callback
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['' => 'without', '$server->on("pipeMessage", function ($server, $source, $message) {
    if ($message === "finish") {
        swoole_clear_error();
        say("finish: " . json_encode($server->finish(1)) . " " . $server->getLastError());
    }
});' => 'with'] as $more => $title) {
    $run = serve(<<<PHP
    set_error_handler(function (\$level, \$text) { \$GLOBALS['said'][] = \$text; return true; });
    function attempt(\$server, ...\$args): void
    {
        \$GLOBALS['said'] = [];
        swoole_clear_error();
        try {
            \$result = json_encode(\$server->sendMessage(...\$args));
        } catch (Throwable \$e) {
            \$result = get_class(\$e) . ': ' . \$e->getMessage();
        }
        say("\$result " . \$server->getLastError() . ' ' . implode(', ', \$GLOBALS['said']));
    }
    \$server = server(['worker_num' => 1, 'task_worker_num' => 1]);
    \$server->on('task', fn () => null);
    $more
    attempt(\$server, 'x', 1);
    \$server->on('receive', function (\$server, \$fd) {
        attempt(\$server, 'x', 1);
        attempt(\$server, 'x', 0);
        attempt(\$server, 'x', 2);
        attempt(\$server, 'x', -1);
        attempt(\$server, fn () => 1, 1);
        attempt(\$server, 'x', 'one');
        attempt(\$server, 'x');
        @\$server->sendMessage('finish', 1);
        \$server->send(\$fd, 'done');
    });
    \$server->start();
    PHP);
    echo "$title onPipeMessage: ", $run->ask('go'), "\n";
    if ($title === 'with') {
        $run->expect('finish');
    }
    echo 'exit code ', $run->stop(), "\n", $run->output(), $run->log();
}
?>
--EXPECT--
without onPipeMessage: done
exit code 0
false 503 Skep\Server::sendMessage(): server is not running
false 503 Skep\Server::sendMessage(): onPipeMessage is null, can't use sendMessage
false 503 Skep\Server::sendMessage(): onPipeMessage is null, can't use sendMessage
false 503 Skep\Server::sendMessage(): onPipeMessage is null, can't use sendMessage
false 503 Skep\Server::sendMessage(): onPipeMessage is null, can't use sendMessage
false 503 Skep\Server::sendMessage(): onPipeMessage is null, can't use sendMessage
TypeError: Skep\Server::sendMessage(): Argument #2 ($dst_worker_id) must be of type int, string given 0 
ArgumentCountError: Skep\Server::sendMessage() expects exactly 2 arguments, 1 given 0 
#0 INFO Server is shutdown now
with onPipeMessage: done
exit code 0
false 503 Skep\Server::sendMessage(): server is not running
true 0 
false 503 Skep\Server::sendMessage(): can't send messages to self
false 503 Skep\Server::sendMessage(): worker_id[2] is invalid
false 503 Skep\Server::sendMessage(): worker_id[-1] is invalid
Exception: Serialization of 'Closure' is not allowed 0 
TypeError: Skep\Server::sendMessage(): Argument #2 ($dst_worker_id) must be of type int, string given 0 
ArgumentCountError: Skep\Server::sendMessage() expects exactly 2 arguments, 1 given 0 
finish: false 509
^1 WARNING finish() (ERRNO 509): Server::task()/Server::finish() is not supported in onPipeMessage callback
#0 INFO Server is shutdown now
