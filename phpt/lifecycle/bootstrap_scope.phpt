--TEST--
The bootstrap file runs in the global scope, wherever start() was called
--DESCRIPTION--
Its variables are global ones, shared with the file that calls start(); it has no $this and cannot register callbacks;
variables of all scopes on the stack keep their values.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$app = <<<'PHP'
<?php
$GLOBALS['via'] = 'globals';
$made = 'made by ' . $shared;
$shared = ['changed', $shared];
unset($doomed);
say(json_encode([isset($this), __FUNCTION__, __CLASS__, basename(__FILE__), isset($inner), isset($host)]));
say(json_encode(@$GLOBALS['server']->on('receive', fn () => 1)));
function answer($server, $fd) { $server->send($fd, json_encode([$GLOBALS['made'], $GLOBALS['shared'], $GLOBALS['via'], isset($GLOBALS['doomed'])])); }
class Later { const VALUE = 7; }
return 'ignored';
PHP;

$calls = [
    'plain' => '$server->start();',
    'in a function' => 'function go($inner) { $GLOBALS["server"]->start(); say("inner $inner"); } go(str_repeat("local", 2));',
    'in a method' => 'class Host { public $host = 1; function go() { $inner = "kept"; $GLOBALS["server"]->start(); say("inner $inner"); } } (new Host)->go();',
    'in an included file' => 'file_put_contents("$dir/inc.php", "<?php \$inc = [1, \$shared]; \$server->start(); say(\'inc \' . json_encode(\$inc));"); include "$dir/inc.php"; say(json_encode($inc));',
    'in a fiber' => '$fiber = new Fiber(fn () => $GLOBALS["server"]->start()); $fiber->start();',
];
foreach ($calls as $where => $call) {
    $body = str_replace('PLACE', base64_encode($app), <<<PHP
    \$dir = getenv('SKEP_DIR');
    \$shared = 'shared ' . strlen(\$dir) * 0;
    \$doomed = str_repeat('doomed', 3);
    \$server = server(['bootstrap' => "\$dir/app.php"]);
    \$server->on('receive', fn (...\$args) => answer(...\$args));
    \$server->on('workerStart', fn () => say('later ' . Later::VALUE));
    file_put_contents("\$dir/app.php", base64_decode('PLACE'));
    register_shutdown_function(function () { say('end ' . json_encode([\$GLOBALS['shared'], \$GLOBALS['made'] ?? 'unset', isset(\$GLOBALS['doomed'])])); });
    $call
    PHP);
    $run = serve($body);
    echo "$where: ", $run->ask('x'), ', exit code ', $run->stop(), "\n", $run->output();
}
?>
--EXPECT--
plain: ["made by shared 0",["changed","shared 0"],"globals",false], exit code 0
[false,"","","app.php",false,false]
false
later 7
end [["changed","shared 0"],"made by shared 0",false]
end ["shared 0","unset",true]
end ["shared 0","unset",true]
in a function: ["made by shared 0",["changed","shared 0"],"globals",false], exit code 0
[false,"","","app.php",false,false]
false
later 7
end [["changed","shared 0"],"made by shared 0",false]
end ["shared 0","unset",true]
inner locallocal
end ["shared 0","unset",true]
in a method: ["made by shared 0",["changed","shared 0"],"globals",false], exit code 0
[false,"","","app.php",false,false]
false
later 7
end [["changed","shared 0"],"made by shared 0",false]
end ["shared 0","unset",true]
inner kept
end ["shared 0","unset",true]
in an included file: ["made by shared 0",["changed","shared 0"],"globals",false], exit code 0
[false,"","","app.php",false,false]
false
later 7
end [["changed","shared 0"],"made by shared 0",false]
end ["shared 0","unset",true]
inc [1,"shared 0"]
[1,"shared 0"]
end ["shared 0","unset",true]
in a fiber: ["made by shared 0",["changed","shared 0"],"globals",false], exit code 0
[false,"","","app.php",false,false]
false
later 7
end [["changed","shared 0"],"made by shared 0",false]
end ["shared 0","unset",true]
end ["shared 0","unset",true]