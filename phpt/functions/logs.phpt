--TEST--
swoole_error_log, swoole_error_log_ex, swoole_ignore_error and swoole_async_set
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
    swoole_error_log(SWOOLE_LOG_WARNING, 'no server yet'); // to standard output
    swoole_error_log(SWOOLE_LOG_DEBUG, 'unseen');
    swoole_error_log(SWOOLE_LOG_NONE, 'unseen');
    var_dump(swoole_async_set(['log_file' => getenv('SKEP_DIR') . '/log', 'log_level' => SWOOLE_LOG_NOTICE, 'thread_num' => 4, 7 => 8]));
    swoole_error_log(SWOOLE_LOG_ERROR, "to the file");
    swoole_error_log(SWOOLE_LOG_INFO, 'unseen');
    var_dump(swoole_async_set(['log_date_format' => "a\0b", 'log_level' => SWOOLE_LOG_NONE]));
    $server = new Skep\Server('127.0.0.1', 0);
    swoole_error_log_ex(SWOOLE_LOG_ERROR, 1234, 'of the server');
    $server->set(['worker_num' => 1]);
    swoole_ignore_error(1004);
    swoole_error_log_ex(SWOOLE_LOG_ERROR, 1004, 'unseen');
    swoole_error_log_ex(SWOOLE_LOG_ERROR, 100, 'seen');
    $server->on('receive', function ($server, $fd, $reactor, $data) {
        if ($data === 'set') {
            $server->send($fd, 'soon');
            swoole_async_set(['log_level' => 5]);
        }
        swoole_error_log(SWOOLE_LOG_NOTICE, "worker: $data");
        swoole_error_log_ex(SWOOLE_LOG_WARNING, 1004, 'unseen, for workers too');
        $server->send($fd, 'done');
    });
    $server->on('workerError', fn ($server, $id, $pid, $code) => say("error $code"));
    announce($server->port);
    $server->start();
    PHP);
echo $run->ask("a\tb"), "\n";
echo $run->ask('set'), "\n";
$run->expect('error 255');
$run->stop();
echo preg_replace('/^\[[^]]*\]\t/m', '', $run->output()), "--\n", $run->log();
?>
--EXPECTF--
done
soon
WARNING	no server yet
bool(true)

Warning: swoole_async_set(): log_date_format has a NUL byte in %s on line %d
bool(false)

Fatal error: swoole_async_set(): eventLoop has already been created. unable to change settings in %s on line %d
error 255
--
%c0 ERROR to the file
%c0 ERROR (ERRNO 1234): of the server
%c0 ERROR (ERRNO 100): seen
%c0 NOTICE worker: a	b
%A
