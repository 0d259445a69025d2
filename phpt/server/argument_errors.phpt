--TEST--
Wrong arguments are PHP's own errors
--DESCRIPTION--
Names and positions as in the signatures.
--FILE--
<?php
$server = new Skep\Server('127.0.0.1');
foreach ([
    ['set', 'x'], ['set'], ['on', [], 'strlen'], ['on', 'receive'], ['getCallback', []], ['start', 1],
    ['shutdown', 1], ['getLastError', 1], ['getWorkerPid', 'x'], ['getMasterPid', 1], ['getWorkerId', 1],
] as $call) {
    $method = array_shift($call);
    try {
        $server->$method(...$call);
        echo "$method: no error\n";
    } catch (Throwable $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}
?>
--EXPECTF--
TypeError: Skep\Server::set(): Argument #1 ($settings) must be of type array, string given
ArgumentCountError: Skep\Server::set() expects exactly 1 argument, 0 given
TypeError: Skep\Server::on(): Argument #1 ($event_name) must be of type string, array given
ArgumentCountError: Skep\Server::on() expects exactly 2 arguments, 1 given
TypeError: Skep\Server::getCallback(): Argument #1 ($event_name) must be of type string, array given
ArgumentCountError: Skep\Server::start() expects exactly 0 arguments, 1 given
ArgumentCountError: Skep\Server::shutdown() expects exactly 0 arguments, 1 given
ArgumentCountError: Skep\Server::getLastError() expects exactly 0 arguments, 1 given
TypeError: Skep\Server::getWorkerPid(): Argument #1 ($worker_id) must be of type int, string given
ArgumentCountError: Skep\Server::getMasterPid() expects exactly 0 arguments, 1 given
ArgumentCountError: Skep\Server::getWorkerId() expects exactly 0 arguments, 1 given
