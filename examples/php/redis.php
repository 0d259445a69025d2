<?php
// A small Redis: PING, ECHO, SET, GET, DEL, EXISTS, INCR, DBSIZE, QUIT, in the protocol RESP that redis-cli speaks.
//
//     php -d extension=php-ext/modules/skep.so examples/php/redis.php [port] [host]
//     redis-cli -p 9508 set color red
//
// RESP says nowhere how long a request is: that shows only when all of it has been read. So this port is raw: the
// receive callback gets bytes as they arrive, and the script keeps what is not yet a whole request. That is safe
// because the bytes of a session come in order, and always to the same worker. (A `package_length_func` could measure
// requests, but in PHP it runs in the master, one call at a time for all clients of all ports.)

require __DIR__ . '/arguments.php';
[$port, $host] = arguments(['port' => 9508, 'host' => '127.0.0.1']);

const MAX_REQUEST = 1 << 20; // bytes: what a client can make this server keep for it
const MAX_WORDS = 1024;

class BadRequest extends Exception
{
}

/** The first request in $bytes, as its words, and what it takes; null if more bytes are needed. */
function parse(string $bytes): ?array
{
    $end = strpos($bytes, "\r\n");
    if ($end === false) {
        return null;
    }
    if ($bytes[0] !== '*') { // a line as a human types it: words with spaces between them
        return [preg_split('/ +/', substr($bytes, 0, $end), -1, PREG_SPLIT_NO_EMPTY), $end + 2];
    }
    // *<words>\r\n, and for each word $<length>\r\n<bytes>\r\n
    $words = [];
    $at = $end + 2;
    for ($left = number($bytes, 1, $end, MAX_WORDS); $left > 0; $left--) {
        $end = strpos($bytes, "\r\n", $at);
        if ($end === false) {
            return null;
        }
        if ($bytes[$at] !== '$') {
            throw new BadRequest('expected $');
        }
        $length = number($bytes, $at + 1, $end, MAX_REQUEST);
        $at = $end + 2;
        if (strlen($bytes) < $at + $length + 2) {
            return null;
        }
        $words[] = substr($bytes, $at, $length);
        $at += $length + 2;
    }
    return [$words, $at];
}

function number(string $bytes, int $from, int $to, int $max): int
{
    $text = substr($bytes, $from, $to - $from);
    return preg_match('/^\d{1,9}$/D', $text) && $text <= $max ? (int) $text : throw new BadRequest('invalid length');
}

/** Answers as RESP has them. */
function bulk(?string $text): string
{
    return $text === null ? "$-1\r\n" : '$' . strlen($text) . "\r\n$text\r\n";
}

function integer(int $number): string
{
    return ":$number\r\n";
}

class Store
{
    private array $values = [];

    /** The answer to a request. */
    public function answer(array $words): string
    {
        $command = strtolower(array_shift($words));
        $wanted = ['ping' => [0, 1], 'echo' => [1, 1], 'set' => [2, 2], 'get' => [1, 1], 'del' => [1, MAX_WORDS],
            'exists' => [1, MAX_WORDS], 'incr' => [1, 1], 'dbsize' => [0, 0], 'quit' => [0, 0],
            'command' => [0, MAX_WORDS], 'client' => [0, MAX_WORDS]][$command] ?? null;
        if ($wanted === null) {
            return "-ERR unknown command\r\n";
        }
        if (count($words) < $wanted[0] || count($words) > $wanted[1]) {
            return "-ERR wrong number of arguments for '$command'\r\n";
        }
        return match ($command) {
            'ping' => isset($words[0]) ? bulk($words[0]) : "+PONG\r\n",
            'echo' => bulk($words[0]),
            'set' => $this->set($words[0], $words[1]),
            'get' => bulk($this->values["=$words[0]"] ?? null),
            'del' => integer(array_sum(array_map($this->delete(...), $words))),
            'exists' => integer(count(array_filter($words, fn ($key) => isset($this->values["=$key"])))),
            'incr' => $this->increment($words[0]),
            'dbsize' => integer(count($this->values)),
            'command' => "*0\r\n", // redis-cli asks for descriptions of commands when it starts: there are none
            'quit', 'client' => "+OK\r\n", // client libraries introduce themselves
        };
    }

    // Keys have a "=" in front here: PHP makes the key "7" of an array the number 7.
    private function set(string $key, string $value): string
    {
        $this->values["=$key"] = $value;
        return "+OK\r\n";
    }

    private function delete(string $key): int
    {
        $was = isset($this->values["=$key"]);
        unset($this->values["=$key"]);
        return (int) $was;
    }

    private function increment(string $key): string
    {
        $value = filter_var($this->values["=$key"] ?? '0', FILTER_VALIDATE_INT);
        if ($value === false || $value === PHP_INT_MAX) {
            return "-ERR value is not an integer or out of range\r\n";
        }
        $this->set($key, (string) ++$value);
        return integer($value);
    }
}

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
// The values live in the memory of a worker: one worker, or each would have values of its own. They go with it.
$server->set(['worker_num' => 1]);

$store = new Store();
$pending = []; // session => bytes that are not yet a whole request

$server->on('start', function (Skep\Server $server): void {
    echo "listening on {$server->host}:{$server->port}\n",
        "try: redis-cli -h {$server->host} -p {$server->port} set color red\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $data) use ($store, &$pending): void {
    $bytes = ($pending[$fd] ?? '') . $data;
    $answers = '';
    $end = false;
    try {
        while (!$end && ($request = parse($bytes)) !== null) {
            [$words, $length] = $request;
            $bytes = substr($bytes, $length);
            if ($words !== []) {
                $answers .= $store->answer($words);
                $end = strtolower($words[0]) === 'quit';
            }
        }
        if (strlen($bytes) > MAX_REQUEST) {
            throw new BadRequest('too large');
        }
    } catch (BadRequest $problem) {
        $answers .= "-ERR Protocol error: {$problem->getMessage()}\r\n";
        $end = true;
    }
    $pending[$fd] = $bytes;
    if ($answers !== '') {
        $server->send($fd, $answers); // many requests at once (a pipeline) are answered at once
    }
    if ($end) {
        $server->close($fd);
    }
});
$server->on('close', function (Skep\Server $server, int $fd) use (&$pending): void {
    unset($pending[$fd]);
});
$server->start();
