--TEST--
sendfile(): what is refused, with its reason and code
--DESCRIPTION--
A range beyond the end is refused in the call (the reference accepts it and sends nothing).
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('start', function ($server) {
    swoole_clear_error();
    echo json_encode($server->sendfile(1, __FILE__)), ' ', $server->getLastError(), "\n";
});
$server->on('receive', function ($server, $fd) {
    touch(__DIR__ . '/empty');
    file_put_contents(__DIR__ . '/content', 'content');
    foreach ([
        [0, 'content'], [-7, 'content'], [$fd, 'missing'], [$fd, ''], [$fd, 'empty'], [$fd, 'content', 7], [$fd, 'content', 0, 8],
        [$fd, 'content', 6, 2], [$fd, 'content', -1], [$fd, 'content', 0, -1], [$fd, 'content', PHP_INT_MAX, PHP_INT_MAX],
        [$fd, str_repeat('a', 9000)], [$fd, "content\0more"], [99, 'content'],
    ] as $arguments) {
        $arguments[1] = strlen($arguments[1]) > 8999 ? $arguments[1] : __DIR__ . "/$arguments[1]";
        swoole_clear_error();
        echo json_encode($server->sendfile(...$arguments)), ' ', $server->getLastError(), "\n";
    }
    swoole_clear_error();
    echo json_encode($server->sendfile($fd, '/tmp')), ' ', $server->getLastError(), "\n";
    $server->send($fd, 'over');
});
$server->start();
PHP);
echo $run->ask('go'), "\n";
$run->stop();
echo str_replace($run->dir(), 'DIR', $run->output());
preg_match_all('/WARNING sendfile.*$/m', str_replace($run->dir(), 'DIR', $run->log()), $lines);
echo implode("\n", $lines[0]), "\n";
?>
--EXPECTF--
over

Warning: Skep\Server::sendfile(): can't sendfile[DIR/server.php] to the connections in master process in DIR/server.php on line %d
false 503
false 1006
false 1006
false 502
false 9013
false 502
false 502
false 505
false 505
false 505
false 505
false 502
false 504
false 502
false 1005
false 9013
WARNING sendfile() (ERRNO 1006): invalid fd[0]
WARNING sendfile() (ERRNO 1006): invalid fd[-7]
WARNING sendfile() (ERRNO 502): stat(DIR/missing) failed, Error: No such file or directory[2]
WARNING sendfile() (ERRNO 9013): the path[DIR/] given is not a regular file
WARNING sendfile() (ERRNO 502): file[offset=0] is empty
WARNING sendfile() (ERRNO 502): file[offset=7] is empty
WARNING sendfile() (ERRNO 505): length[8] or offset[0] is invalid
WARNING sendfile() (ERRNO 505): length[2] or offset[6] is invalid
WARNING sendfile() (ERRNO 505): length[0] or offset[-1] is invalid
WARNING sendfile() (ERRNO 505): length[-1] or offset[0] is invalid
WARNING sendfile() (ERRNO 502): file[offset=9223372036854775807] is empty
WARNING sendfile() (ERRNO 504): sendfile name[aaaaaaaa...] length 9000 is exceed the max name len 8135
WARNING sendfile() (ERRNO 502): stat(%s
WARNING sendfile() (ERRNO 9013): the path[/tmp] given is not a regular file
