<?php
// A server of files: a client sends the name of one in the directory, and gets "ok <size>", a newline and its bytes.
//
//     php -d extension=php-ext/modules/skep.so examples/php/files.php [port] [host] [directory]
//     echo README.md | nc -N 127.0.0.1 9509
//
// sendfile() has the kernel move the bytes from the file to the connection: they never come to the worker, which is
// free for the next request at once. A slow client costs no memory, however large the file.

require __DIR__ . '/arguments.php';
[$port, $host, $directory] = arguments(['port' => 9509, 'host' => '127.0.0.1', 'directory' => '.']);

$directory = realpath($directory);
if ($directory === false || !is_dir($directory)) {
    fwrite(STDERR, "no such directory\n");
    exit(2);
}

/** The path of the file with this name; null if there is none in the directory itself. */
function find(string $directory, string $name): ?string
{
    // realpath() takes out "..", and follows links, which may lead out of the directory too. So: first resolve, then
    // look where it is. Comparing the name with a list of bad words would miss some.
    $path = str_contains($name, "\0") ? false : realpath("$directory/$name");
    return $path !== false && is_file($path) && dirname($path) === $directory ? $path : null;
}

$server = new Skep\Server($host, $port, SWOOLE_PROCESS, SWOOLE_SOCK_TCP);
$server->set([
    'worker_num' => 2,
    'open_eof_split' => true,
    'package_eof' => "\n",
    'send_stall_timeout' => 30, // seconds without progress; then a client that reads nothing is disconnected
]);
$server->on('start', function (Skep\Server $server) use ($directory): void {
    echo "listening on {$server->host}:{$server->port}, files of $directory\n",
        "try: echo <name> | nc -N {$server->host} {$server->port}\n";
});
$server->on('receive', function (Skep\Server $server, int $fd, int $reactor, string $line) use ($directory): void {
    clearstatcache(); // PHP remembers sizes, and a worker lives long
    $path = find($directory, rtrim($line, "\r\n"));
    if ($path === null) {
        $server->send($fd, "error: no such file\n");
        return;
    }
    $size = filesize($path);
    $server->send($fd, "ok $size\n");
    // The size goes along: the file may have grown since. If it has become too short, the client must not wait.
    if ($size > 0 && !$server->sendfile($fd, $path, 0, $size)) {
        $server->close($fd);
    }
});
$server->start();
