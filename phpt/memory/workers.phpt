--TEST--
Workers of a server count with one Atomic and guard a file with one Lock; one that is killed with it hinders nobody
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';
const CLIENTS = 8;
const REQUESTS = 50;

foreach (['MUTEX', 'RWLOCK', 'SPINLOCK', 'SEM', 'FILELOCK'] as $kind) {
    $run = serve(<<<PHP
        \$counter = new Skep\\Atomic();
        \$total = new swoole_atomic_long(-1);
        \$lock = new Swoole\\Lock(Skep\\Lock::$kind, '$kind' === 'FILELOCK' ? getenv('SKEP_DIR') . '/lock' : '');
        \$file = getenv('SKEP_DIR') . '/value';
        file_put_contents(\$file, '0');
        \$server = server(['worker_num' => 4, 'dispatch_mode' => 1, 'enable_unsafe_event' => true]);
        \$server->on('receive', function (\$server, \$fd, \$reactor, \$data) use (\$counter, \$total, \$lock, \$file) {
            if (\$data === 'die') {
                \$lock->lock();
                \$server->send(\$fd, getmypid());
                sleep(30);
            }
            for (\$i = 0; \$i < substr_count(\$data, '+'); \$i++) {
                \$lock->lock();
                file_put_contents(\$file, file_get_contents(\$file) + 1);
                \$lock->unlock();
                \$counter->add();
                \$total->add(2);
            }
            \$server->send(\$fd, \$counter->get() . ' ' . \$total->get() . ' ' . file_get_contents(\$file) . ";");
        });
        \$server->start();
        PHP);
    $sockets = [];
    for ($i = 0; $i < CLIENTS; $i++) {
        $sockets[] = $run->connect();
    }
    for ($i = 0; $i < REQUESTS; $i++) {
        array_map(fn ($socket) => fwrite($socket, '+'), $sockets);
        foreach ($sockets as $socket) {
            stream_get_line($socket, 100, ';');
        }
        if ($i === REQUESTS / 2) {
            $run->kill(9, (int)$run->ask('die'));
        }
    }
    echo "$kind: ", $run->ask('value'), ' ', $run->stop(), "\n";
}
?>
--EXPECT--
MUTEX: 400 799 400; 0
RWLOCK: 400 799 400; 0
SPINLOCK: 400 799 400; 0
SEM: 400 799 400; 0
FILELOCK: 400 799 400; 0
