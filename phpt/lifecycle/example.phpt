--TEST--
The example of a reload does what its comments say
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$examples = dirname(__DIR__, 2) . '/examples/php';
$run = serve(<<<PHP
chdir(getenv('SKEP_DIR'));
foreach (['reload', 'reload_app'] as \$name) {
    copy("$examples/\$name.php", getenv('SKEP_DIR') . "/\$name.php");
}
\$argv[1] = 0;
ob_start(function (\$text) {
    if (preg_match('/listening on [^:]+:(\d+)/', \$text, \$found)) {
        announce((int)\$found[1]);
    }
    return \$text;
}, 1);
require getenv('SKEP_DIR') . '/reload.php';
PHP);
echo $run->ask("you\n");
$file = $run->dir() . '/reload_app.php';
file_put_contents("$file.new", str_replace('hello', 'good evening', file_get_contents($file)));
rename("$file.new", $file);
$run->kill(10);
$run->expect("reloaded\n");
echo $run->ask("you\n"), 'exit code ', $run->stop(), "\n", preg_replace(['/^\[.*\n/m', '/\d+/'], ['', '#'], $run->output());
?>
--EXPECT--
hello, you
good evening, you
exit code 0
listening on #.#.#.#:#, master #
reloading
reloaded
