--TEST--
Every kind of callable is called
--DESCRIPTION--
Looked up once at on(), or per call where PHP itself must (__call).
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([
    'closure' => 'function ($s, $fd, $r, $d) { $s->send($fd, "closure $d"); }',
    'bound closure' => '(new Target("bound"))->closure()',
    'function name' => '"reply"',
    'object and method' => '[new Target("object"), "method"]',
    'object and private method' => '(new Target("private"))->own()',
    'class and static method' => '["Target", "fixed"]',
    'static method name' => '"Target::fixed"',
    'invokable' => 'new Target("invokable")',
    'first class callable' => '(new Target("first class"))->method(...)',
    'magic method' => '[new Target("magic"), "anything"]',
    'magic static method' => '"Target::anythingStatic"',
    'method of a subclass' => '[new class("subclass") extends Target {}, "parent::method"]',
] as $kind => $callable) {
    $run = serve(<<<PHP
    class Target
    {
        public function __construct(private string \$name) {}
        public function method(\$s, \$fd, \$r, \$d) { \$s->send(\$fd, "\$this->name \$d"); }
        public static function fixed(\$s, \$fd, \$r, \$d) { \$s->send(\$fd, "fixed \$d"); }
        public function __invoke(\$s, \$fd, \$r, \$d) { \$this->method(\$s, \$fd, \$r, \$d); }
        public function __call(\$name, \$args) { \$args[0]->send(\$args[1], "\$this->name \$name \$args[3]"); }
        public static function __callStatic(\$name, \$args) { \$args[0]->send(\$args[1], "static \$name \$args[3]"); }
        public function closure() { return fn (\$s, \$fd, \$r, \$d) => \$s->send(\$fd, "closure of \$this->name \$d"); }
        public function own() { return Closure::fromCallable([\$this, 'hidden']); }
        private function hidden(\$s, \$fd, \$r, \$d) { \$this->method(\$s, \$fd, \$r, \$d); }
    }
    function reply(\$s, \$fd, \$r, \$d) { \$s->send(\$fd, "function \$d"); }
    \$server = server();
    \$server->on('receive', $callable);
    gc_collect_cycles();
    \$server->start();
    PHP);
    echo "$kind: ", $run->ask('1'), ', ', $run->ask('2'), ', exit code ', $run->stop(), $run->output(), "\n";
}
?>
--EXPECTF--
closure: closure 1, closure 2, exit code 0
bound closure: closure of bound 1, closure of bound 2, exit code 0
function name: function 1, function 2, exit code 0
object and method: object 1, object 2, exit code 0
object and private method: private 1, private 2, exit code 0
class and static method: fixed 1, fixed 2, exit code 0
static method name: fixed 1, fixed 2, exit code 0
invokable: invokable 1, invokable 2, exit code 0
first class callable: first class 1, first class 2, exit code 0
magic method: magic anything 1, magic anything 2, exit code 0
magic static method: static anythingStatic 1, static anythingStatic 2, exit code 0
method of a subclass: subclass 1, subclass 2, exit code 0
Deprecated: Callables of the form ["Target@anonymous", "parent::method"] are deprecated in %s/server.php on line 17

