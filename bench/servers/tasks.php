<?php
// Round trips inside a server: one worker keeps so many tasks or messages under way to one task worker. What the client
// says is in tasks.rs.
//
//     tasks.php [key=value ...]
require __DIR__ . '/server.php';

const TASK_WORKER = 1; // the id behind that of the only worker

$server = server('tcp', ['task_worker_num=1', 'open_eof_split=true', "package_eof=\n", ...array_slice($argv, 1)]);
$payload = '';
$done = 0;
$over = false; // the client has gone: a stop must not have to wait for messages without end

$give = function () use ($server, &$payload, &$over): void {
    $over || $server->task($payload) !== false || error_log('task: refused, ' . $server->getLastError());
};
$send = function (string $message, int $to) use ($server, &$over): void {
    $over || $server->sendMessage($message, $to) || error_log('message: refused, ' . $server->getLastError());
};
on($server, 'close', function () use (&$over): void {
    $over = true;
});

on($server, 'receive', function ($server, $fd, $reactor, $data) use (&$payload, &$done, $give, $send): void {
    if ($data === "?\n") {
        $server->send($fd, pack('J', $done));
        return;
    }
    [, $kind, $bytes, $underWay] = explode(' ', trim($data));
    $payload = str_repeat('x', (int)$bytes);
    for ($i = 0; $i < (int)$underWay; $i++) {
        $kind === 'tasks' ? $give() : $send($payload, TASK_WORKER);
    }
});
on($server, 'task', fn ($server, $id, $source, $data) => 'ok');
on($server, 'finish', function () use (&$done, $give): void {
    $done++;
    $give();
});
on($server, 'pipeMessage', function ($server, $source, $message) use (&$done, $send): void {
    if ($server->taskworker) {
        $send($message, $source);
        return;
    }
    $done++;
    $send($message, TASK_WORKER);
});
$server->start();
