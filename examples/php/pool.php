<?php
// Workers without a server: a pool that counts words. A request is a length of four bytes, big endian, and a text; so is
// the answer.
//
//     php -d extension=php-ext/modules/skep.so examples/php/pool.php [path]
//     printf '\0\0\0\11two words' | nc -NU /tmp/skep-pool.sock | tail -c +5
//
// What a worker prints shows which one has answered. Kill one (kill -9): it is replaced, and the others go on. kill -USR1 of
// the first process replaces all of them, one after the other; Ctrl-C ends the pool, and the socket file is gone.

require __DIR__ . '/arguments.php';
[$path] = arguments(['path' => '/tmp/skep-pool.sock']);

$pool = new Skep\Process\Pool(3, SWOOLE_IPC_SOCKET);
$pool->set([
    'max_wait_time' => 5,          // seconds that a worker has to finish what it is at
    'package_max_length' => 65536, // who announces a longer request is disconnected
]);
$pool->on('start', function (Skep\Process\Pool $pool) use ($path): void {
    echo "listening on $path, pid {$pool->master_pid}\n",
        "try: printf '\\0\\0\\0\\11two words' | nc -NU $path | tail -c +5\n";
});
$pool->on('message', function (Skep\Process\Pool $pool, string $text): void {
    echo "worker {$pool->workerId} (pid {$pool->workerPid}) counts\n";
    $pool->write(str_word_count($text) . " words\n");
});
$pool->listen("unix:$path") or exit(1);
$pool->start();
