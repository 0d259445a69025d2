--TEST--
A reload loads the bootstrap file and what it requires anew
--DESCRIPTION--
Whatever the opcode cache thinks: it holds the old code, is allowed to cache young files, and compares whole seconds.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

function publish(string $dir, string $version): void
{
    foreach ([
        'app.php' => "<?php require __DIR__ . '/part.php'; function version() { return '$version ' . part(); }",
        'part.php' => "<?php function part() { return 'part $version'; }",
    ] as $name => $code) {
        file_put_contents("$dir/$name.new", $code);
        rename("$dir/$name.new", "$dir/$name");
    }
}

foreach (['opcache.validate_timestamps=1', 'opcache.validate_timestamps=0'] as $setting) {
    $run = serve(<<<'PHP'
    $dir = getenv('SKEP_DIR');
    file_put_contents("$dir/app.php", '<?php require __DIR__ . "/part.php"; function version() { return "one " . part(); }');
    file_put_contents("$dir/part.php", '<?php function part() { return "part one"; }');
    $server = server(['worker_num' => 2, 'bootstrap' => 'app.php']);
    $server->on('workerStart', fn ($server, $id) => say("start $id " . version()));
    $server->on('receive', fn ($server, $fd) => $server->send($fd, version()));
    $server->on('afterReload', fn () => say('reloaded'));
    $server->start();
    PHP, [$setting, 'opcache.file_update_protection=0']);
    $run->expect('start ', 2);
    echo $run->ask('x'), "\n";
    foreach (['two', 'six'] as $i => $version) {
        publish($run->dir(), $version);
        $run->kill(10);
        $run->expect('reloaded', $i + 1);
        $run->expect("$version part $version", 2);
        echo $run->ask('x'), "\n";
    }
    echo 'exit code ', $run->stop(), "\n", $run->log();
}
?>
--EXPECTF--
one part one
two part two
six part six
exit code 0
$0 INFO Server is reloading all workers now
$0 INFO Server is reloading all workers now
#0 INFO Server is shutdown now
one part one
two part two
six part six
exit code 0
$0 INFO Server is reloading all workers now
$0 INFO Server is reloading all workers now
#0 INFO Server is shutdown now
