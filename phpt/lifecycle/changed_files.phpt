--TEST--
A reload names the files it cannot renew, because they were loaded before start()
--DESCRIPTION--
Changed, replaced, and removed ones; at most ten by name. Unchanged ones and those a worker has loaded are not named.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$dir = getenv('SKEP_DIR');
foreach (range('a', 'n') as $name) {
    file_put_contents("$dir/$name.inc", '<?php // 1');
    touch("$dir/$name.inc", time() - 100);
    include "$dir/$name.inc";
}
file_put_contents("$dir/late.inc", '<?php // 1');
$server = server();
$server->on('workerStart', fn () => say('start') || include "$dir/late.inc");
$server->on('afterReload', fn () => say('reloaded'));
$server->start();
PHP);
$run->expect('start');
$run->ask('x'); // the master accepts, so it heeds signals
$dir = $run->dir();
$reload = function () use ($run) {
    static $times = 0;
    $run->kill(10);
    $run->expect('reloaded', ++$times);
};
$reload();
file_put_contents("$dir/a.inc", '<?php // longer');
touch("$dir/a.inc", time() - 100);
touch("$dir/b.inc");
unlink("$dir/c.inc");
file_put_contents("$dir/late.inc", '<?php // other');
$reload();
foreach (range('d', 'm') as $name) {
    file_put_contents("$dir/$name.inc", '<?php // longer');
}
$reload();
echo 'exit code ', $run->stop(), "\n", str_replace("$dir/", '', $run->log());
?>
--EXPECT--
exit code 0
$0 INFO Server is reloading all workers now
$0 INFO Server is reloading all workers now
$0 WARNING file a.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file b.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file c.inc has changed since it was loaded before start(): a reload does not load it again
$0 INFO Server is reloading all workers now
$0 WARNING file a.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file b.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file c.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file d.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file e.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file f.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file g.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file h.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file i.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING file j.inc has changed since it was loaded before start(): a reload does not load it again
$0 WARNING and 3 more files that were loaded before start() have changed
#0 INFO Server is shutdown now
