<?php
// A gateway: each line goes to a server behind, whose answer, a line as well, goes back to the client.
//
//     php -d extension=php-ext/modules/skep.so examples/php/lines.php 9503 &
//     php -d extension=php-ext/modules/skep.so examples/php/gateway.php [port] [host] [backend port] [backend host]
//     echo '6 * 7' | nc -N 127.0.0.1 9507
//
// The plain way, with its limits: the worker connects, asks and waits, and does nothing else meanwhile. So there are
// as many requests under way as there are workers, and worker_num is to be chosen for that; a backend that hangs
// costs a worker TIMEOUT seconds per line; and the end of an answer must be known, here by its newline. It does for
// requests that take milliseconds, not for tunnels that stay open.

require __DIR__ . '/arguments.php';
[$port, $host, $backendPort, $backendHost] = arguments([
    'port' => 9507,
    'host' => '127.0.0.1',
    'backend port' => 9503,
    'backend host' => '127.0.0.1',
]);

const TIMEOUT = 2.0;

/** The backend's answer to a line, or a line that says what is wrong. */
function ask(string $backend, string $line): string
{
    $socket = @stream_socket_client($backend, $code, $problem, TIMEOUT);
    if ($socket === false) {
        return "error: $problem\n";
    }
    stream_set_timeout($socket, (int) TIMEOUT);
    $answer = fwrite($socket, $line) === strlen($line) ? fgets($socket, 65536) : false;
    fclose($socket);
    return $answer !== false && str_ends_with($answer, "\n") ? $answer : "error: no answer\n";
}

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 8,
    // By default the lines of a client wait for the client's worker, also when that one is waiting for a backend and
    // others are free. Mode 11 moves the client to a free one, without changing the order of its lines.
    'dispatch_mode' => SKEP_DISPATCH_ADAPTIVE,
    'open_eof_split' => true,
    'package_eof' => "\n",
    'package_max_length' => 65536,
]);
$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: echo '6 * 7' | nc -N {$server->host} {$server->port}\n";
});
$backend = "tcp://$backendHost:$backendPort";
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $line) use ($backend): void {
    $server->send($fd, ask($backend, $line));
});
$server->start();
