--TEST--
A release by symbolic link: a reload follows the link to the new code
--DESCRIPTION--
Neither the opcode cache nor PHP's cache of resolved paths keeps the old one.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$dir = getenv('SKEP_DIR');
foreach (['one', 'two'] as $release) {
    file_put_contents("$dir/$release.app", "<?php require dirname(__FILE__) . '/' . basename(__FILE__, '.app') . '.part'; function version() { return '$release ' . PART; }");
    file_put_contents("$dir/$release.part", "<?php const PART = 'part $release';");
    touch("$dir/$release.app", 1000000000);
    touch("$dir/$release.part", 1000000000);
}
symlink('one.app', "$dir/current");
realpath("$dir/current"); // now PHP knows where it leads
$server = server(['bootstrap' => "$dir/current"]);
$server->on('receive', fn ($server, $fd) => $server->send($fd, version()));
$server->on('afterReload', fn () => say('reloaded'));
$server->start();
PHP);
echo $run->ask('x'), "\n";
symlink('two.app', $run->dir() . '/new');
rename($run->dir() . '/new', $run->dir() . '/current');
$run->kill(10);
$run->expect('reloaded');
echo $run->ask('x'), "\n", 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
one part one
two part two
exit code 0
reloaded
