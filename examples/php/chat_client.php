<?php
// A client for the chat servers, chat.php and examples/c/chat.c: says what it reads from its standard input, prints
// what it hears. It ends with its input, or when the server goes.
//
//     php examples/php/chat_client.php [port] [host] [name]

require __DIR__ . '/arguments.php';
[$port, $host, $name] = arguments(['port' => 9502, 'host' => '127.0.0.1', 'name' => 'green']);

$socket = @stream_socket_client("tcp://$host:$port", $code, $problem, 5);
if ($socket === false) {
    fwrite(STDERR, "$host:$port: $problem\n");
    exit(1);
}
stream_set_blocking($socket, false);
stream_set_blocking(STDIN, false);

/** A message as the server expects it: length, then text. */
$say = fn (string $text) => fwrite($socket, pack('N', strlen($text)) . $text);

$say($name);
$typed = $heard = '';
while (!feof($socket)) {
    $ready = feof(STDIN) ? [$socket] : [$socket, STDIN];
    $none = null;
    stream_select($ready, $none, $none, null);

    $typed .= in_array(STDIN, $ready, true) ? fread(STDIN, 8192) : '';
    while (($end = strpos($typed, "\n")) !== false) {
        $say(substr($typed, 0, $end));
        $typed = substr($typed, $end + 1);
    }
    if (feof(STDIN)) {
        stream_socket_shutdown($socket, STREAM_SHUT_WR); // the server closes in turn, after the last answer
    }

    $heard .= fread($socket, 8192);
    while (strlen($heard) >= 4 && strlen($heard) >= 4 + ($length = unpack('N', $heard)[1])) {
        echo substr($heard, 4, $length), "\n";
        $heard = substr($heard, 4 + $length);
    }
}
