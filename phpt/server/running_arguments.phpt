--TEST--
Methods with bad arguments while the server runs
--DESCRIPTION--
Exact warnings, false, the right last error, and the connection is none the worse.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('connect', function ($server, $fd) {
    $try = function (string $method, ...$args) use ($server) {
        swoole_clear_error();
        ob_start();
        try {
            $result = json_encode($server->$method(...$args));
        } catch (Throwable $e) {
            $result = get_class($e) . ': ' . $e->getMessage();
        }
        $warning = preg_replace('/ in \S+ on line \d+/', '', trim(ob_get_clean()));
        say(str_replace("\n", ' ', "$method: $result " . swoole_last_error() . " $warning"));
    };
    $try('send', null, 'x');
    $try('send', $fd, '');
    $try('send', 0, 'x');
    $try('send', -1, 'x');
    $try('send', 'abc', 'x');
    $try('send', [], 'x');
    $try('send', 99, 'x');
    $try('send', $fd);
    $try('close', 99);
    $try('close', -1);
    $try('close', 'x');
    $try('exists', 99);
    $try('exists', $fd);
    $try('exist', -1);
    $try('getClientInfo', 99);
    $try('getClientInfo', 'x');
    $try('getClientList', 0, 101);
    $try('getClientList', 0, 0);
    $try('getClientList', $fd);
    $try('getClientList');
    $try('connection_list', 0, 1);
    $try('set', ['worker_num' => 2]);
    $try('on', 'receive', 'strlen');
    $try('start');
    $try('stop', 99);
    $try('stop', -5);
    $try('reload', true);
    $try('getWorkerPid', 99);
    $try('getWorkerStatus', 99);
    $try('getWorkerStatus');
    $try('getWorkerStatus', -2);
    $port = $server->ports[0];
    ob_start();
    $port->on('receive', 'strlen');
    $port->set([]);
    say(preg_replace('/ in \S+ on line \d+/', '', str_replace("\n", ' ', trim(ob_get_clean()))));
    $try('send', (string)$fd, 'hello');
});
$server->start();
PHP);
echo fread($run->connect(), 100), "\n";
echo 'exit code ', $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECTF--
hello
exit code 0
send: false 503 Warning: Skep\Server::send(): fd can not be null
send: false 550 Warning: Skep\Server::send(): the data sent must not be empty
send: false 503 Warning: Skep\Server::send(): invalid fd[0]
send: false 503 Warning: Skep\Server::send(): invalid fd[-1]
send: false 503 Warning: Skep\Server::send(): invalid fd[0]
send: TypeError: Skep\Server::send(): Argument #1 ($fd) must be of type string|int, array given 0 
send: false 1005 
send: ArgumentCountError: Skep\Server::send() expects at least 2 arguments, 1 given 0 
close: false 1005 
close: false 1005 
close: TypeError: Skep\Server::close(): Argument #1 ($fd) must be of type int, string given 0 
exists: false 0 
exists: true 0 
exist: false 0 
getClientInfo: false 1005 
getClientInfo: TypeError: Skep\Server::getClientInfo(): Argument #1 ($fd) must be of type int, string given 0 
getClientList: false 503 Warning: Skep\Server::getClientList(): swoole connection list max_find_count=100
getClientList: [] 0 
getClientList: false 0 
getClientList: [1] 0 
connection_list: [1] 0 
set: false 503 Warning: Skep\Server::set(): server is running, unable to execute Skep\Server->set
on: false 503 Warning: Skep\Server::on(): server is running, unable to register event callback function
start: false 503 Warning: Skep\Server::start(): The server is running, unable to execute Skep\Server->start()
stop: false 505 
stop: false 505 
reload: true 0 
getWorkerPid: false 505 
getWorkerStatus: false 505 
getWorkerStatus: 1 0 
getWorkerStatus: false 505 
Warning: Skep\Server\Port::on(): can't register event callback function after server started  Warning: Skep\Server\Port::set(): server is running, unable to execute Skep\Server\Port->set
send: true 0 
*0 WARNING stop() (ERRNO 505): the worker_id[99] is invalid
*0 WARNING stop() (ERRNO 505): the worker_id[-5] is invalid
*0 WARNING reload(): cannot reload task workers, task workers is not started
#0 INFO Server is shutdown now
