--TEST--
dispatch_func: an exception counts as worker 0, exit() and fatal errors end the server in good order
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['throw new LogicException("no idea")', 'exit(3)', 'trigger_error("broken", E_USER_ERROR)'] as $code) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 3, 'dispatch_func' => function (\$server, \$fd, \$type, \$data) {
        if (\$data === 'fail') {
            $code;
        }
        return 2;
    }]);
    \$server->on('receive', fn (\$server, \$fd, \$reactor, \$data) => \$server->send(\$fd, "\$data: worker \$server->worker_id"));
    \$server->start();
    PHP);
    $socket = $run->connect();
    fwrite($socket, 'well');
    echo fread($socket, 100), "\n";
    fwrite($socket, 'fail');
    $answer = (string)fread($socket, 100);
    if (str_contains($code, 'throw')) {
        echo $answer, "\n";
        fwrite($socket, 'well');
        echo fread($socket, 100), "\n";
        echo 'exit code ', $run->stop(), "\n";
    } else {
        // Nobody chose: the mode did. The answer comes if the worker was faster than the stop.
        echo str_starts_with($answer, 'fail: worker ') || $answer === '' ? 'served or closed' : $answer, "\n";
        echo 'exit code ', $run->wait(), "\n";
    }
    preg_match_all('/dispatch_func\(\).*/', $run->log(), $lines);
    echo implode("\n", $lines[0]), "\n";
}
?>
--EXPECTF--
well: worker 2
fail: worker 0
well: worker 2
exit code 0
dispatch_func() (ERRNO 503): Fatal error: Uncaught LogicException: no idea in %sserver.php:%d
well: worker 2
served or closed
exit code 3
dispatch_func() (ERRNO 9003): master process is terminated by exit()/die()
well: worker 2
served or closed
exit code 255
dispatch_func() (ERRNO 503): Fatal error: broken in %sserver.php on line %d
