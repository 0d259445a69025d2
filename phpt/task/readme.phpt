--TEST--
The PHP of the README: every piece parses, and the servers do what is said of them
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

preg_match_all('/^```php\n(.*?)^```/ms', file_get_contents(dirname(__DIR__, 2) . '/README.md'), $found);
$servers = [];
foreach ($found[1] as $piece) {
    try {
        eval("return; $piece"); // parsed, not run
    } catch (ParseError $error) {
        echo "{$error->getMessage()} in\n$piece";
    }
    // Whole programs end with the start; their port may be taken.
    if (str_ends_with($piece, "\$server->start();\n")) {
        $piece = preg_replace('/\b(8088|9501)\b/', '0', $piece);
        $servers[] = str_replace('$server->start();', 'announce($server->port); $server->start();', $piece);
    }
}
var_dump(count($found[1]) >= 5, count($servers));

$run = serve($servers[0]);
var_dump($run->ask('hello'), $run->stop());

$run = serve($servers[1]);
$socket = $run->connect();
fwrite($socket, "hello\nworld\n");
$answers = [fgets($socket), fgets($socket)];
sort($answers); // of four task workers
var_dump($answers);
$run->expect('worker 0 says that it is 20');
var_dump($run->stop());
echo implode("\n", preg_grep('/Warning|Fatal|Deprecated|WARNING|ERROR/', explode("\n", $run->output())));
?>
--EXPECT--
bool(true)
int(2)
string(9) "got hello"
int(0)
array(2) {
  [0]=>
  string(6) "dlrow
"
  [1]=>
  string(6) "olleh
"
}
int(0)
