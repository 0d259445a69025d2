<?php
// A client for the calculator, lines.php: sends each line of its standard input and prints what comes back.
//
//     php -d extension=php-ext/modules/skep.so examples/php/lines.php &
//     echo '6 * 7' | php -d extension=php-ext/modules/skep.so examples/php/client.php [port] [host]
//
// Skep\Client blocks: that is what scripts want, and workers that may wait. recv() gives one whole line each time,
// however the network has cut them, because the client frames as the server does.

require __DIR__ . '/arguments.php';
[$port, $host] = arguments(['port' => 9503, 'host' => '127.0.0.1']);

$client = new Skep\Client(SWOOLE_SOCK_TCP);
$client->set([
    'open_eof_split' => true,
    'package_eof' => "\n",
    'package_max_length' => 65536, // what a server can make this process keep
    'connect_timeout' => 5.0,
    'timeout' => 10.0,             // of each call, in total
]);
if (!@$client->connect($host, $port)) {
    fwrite(STDERR, "$host:$port: " . swoole_strerror($client->errCode) . "\n");
    exit(1);
}
while (($line = fgets(STDIN)) !== false) {
    $line = rtrim($line, "\n") . "\n";
    if ($client->send($line) !== strlen($line)) { // less: the time was over
        fwrite(STDERR, 'not sent: ' . swoole_strerror($client->errCode) . "\n");
        exit(1);
    }
    $answer = $client->recv();
    if ($answer === false || $answer === '') {    // '': the server has closed
        fwrite(STDERR, 'no answer: ' . ($client->errCode ? swoole_strerror($client->errCode) : 'the server has closed') . "\n");
        exit(1);
    }
    echo $answer;
}
$client->close();
