<?php
// A calculator that is talked to in lines: "6 * 7" is answered by "42", "quit" by the end.
//
//     php -d extension=php-ext/modules/skep.so examples/php/lines.php [port] [host]
//     echo '6 * 7' | nc -N 127.0.0.1 9503
//
// The settings have skep cut the stream into lines, however the bytes arrive: a call of the receive callback per line.
// examples/rust/lines.rs is the same server in Rust.

require __DIR__ . '/arguments.php';
[$port, $host] = arguments(['port' => 9503, 'host' => '127.0.0.1']);

/** The answer to a line. */
function calculate(string $line): string
{
    if (!preg_match('/^\s*(-?\d{1,18}) *([-+*\/]) *(-?\d{1,18})\s*$/', $line, $found)) {
        return 'error: expected something like 6 * 7';
    }
    [, $a, $operator, $b] = $found;
    if ($operator === '/' && (int) $b === 0) {
        return 'error: division by zero';
    }
    $result = match ($operator) {
        '+' => (int) $a + (int) $b,
        '-' => (int) $a - (int) $b,
        '*' => (int) $a * (int) $b,
        '/' => intdiv((int) $a, (int) $b),
    };
    return is_int($result) ? (string) $result : 'error: too large';
}

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 2,
    'open_eof_split' => true,
    'package_eof' => "\n",         // ends a message; "\r\n" from telnet is fine too, as calculate() allows spaces
    'package_max_length' => 65536, // who sends a longer line is disconnected
]);
$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: echo '6 * 7' | nc -N {$server->host} {$server->port}\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $line): void {
    if (trim($line) === 'quit') {
        $server->send($fd, "bye\n");
        $server->close($fd); // after what was sent has been written
        return;
    }
    $server->send($fd, calculate($line) . "\n");
});
$server->start();
