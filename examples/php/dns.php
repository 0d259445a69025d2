<?php
// A small DNS server: it answers questions for IPv4 addresses (A) from a table, and NXDOMAIN for other names.
//
//     php -d extension=php-ext/modules/skep.so examples/php/dns.php [port] [host]
//     dig @127.0.0.1 -p 5300 one.example
//
// Every worker answers straight from its own process, through the port's socket.

require __DIR__ . '/arguments.php';
[$port, $host] = arguments(['port' => 5300, 'host' => '127.0.0.1']);

const TABLE = [
    'one.example' => ['192.0.2.1'],
    'two.example' => ['192.0.2.2', '192.0.2.22'],
];
const TYPE_A = 1, CLASS_IN = 1, TTL = 60;
const NO_ERROR = 0, FORMAT_ERROR = 1, NO_SUCH_NAME = 3, NOT_IMPLEMENTED = 4;

/** The name at the start of $bytes and the length of its encoding; null if there is none. */
function read_name(string $bytes): ?array
{
    $labels = [];
    $at = 0;
    while (($length = ord($bytes[$at] ?? "\xff")) > 0) {
        if ($length > 63 || $at + 1 + $length >= strlen($bytes)) {
            return null; // a question has no compressed names, so a longer label is none
        }
        $labels[] = substr($bytes, $at + 1, $length);
        $at += 1 + $length;
    }
    return [strtolower(implode('.', $labels)), $at + 1];
}

/** The answer to a question; null if it is not even one that could be told what is wrong with it. */
function answer(string $query): ?string
{
    if (strlen($query) < 12) {
        return null;
    }
    $head = unpack('nid/nflags/nquestions', $query);
    if ($head['flags'] & 0x8000) {
        return null; // an answer: two servers must not talk to each other for ever
    }
    $opcode = $head['flags'] >> 11 & 15;
    $name = read_name(substr($query, 12));
    $whole = $name !== null && strlen($query) >= 12 + $name[1] + 4;
    $code = match (true) {
        $opcode !== 0 => NOT_IMPLEMENTED,
        $head['questions'] !== 1 || !$whole => FORMAT_ERROR,
        !isset(TABLE[$name[0]]) => NO_SUCH_NAME,
        default => NO_ERROR,
    };
    $question = $whole ? substr($query, 12, $name[1] + 4) : '';
    $records = '';
    $count = 0;
    if ($code === NO_ERROR && substr($question, -4) === pack('nn', TYPE_A, CLASS_IN)) {
        foreach (TABLE[$name[0]] as $address) {
            // 0xc00c: the name in the question, at byte 12.
            $records .= pack('nnnNn', 0xc00c, TYPE_A, CLASS_IN, TTL, 4) . inet_pton($address);
            $count++;
        }
    }
    // An answer (0x8000) with authority (0x0400), and the client's wish for recursion (0x0100) back.
    $flags = 0x8400 | $head['flags'] & 0x7900 | $code;
    return pack('nnnnnn', $head['id'], $flags, $question === '' ? 0 : 1, $count, 0, 0) . $question . $records;
}

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_UDP);
$server->set(['worker_num' => 2, 'dispatch_mode' => 3]);
$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: dig @{$server->host} -p {$server->port} one.example\n";
});
$server->on('packet', function (Skep\Server $server, string $data, array $client): void {
    $answer = answer($data);
    if ($answer !== null) {
        $server->sendto($client['address'], $client['port'], $answer, $client['server_socket']);
    }
});
$server->start();
