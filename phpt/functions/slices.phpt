--TEST--
swoole_substr_unserialize and swoole_substr_json_decode decode a part of a string
--FILE--
<?php
class Loud { public $n = 1; function __wakeup() { echo "awake\n"; } }
class Angry { function __unserialize(array $data): void { throw new LogicException('no'); } function __serialize(): array { return []; } }

$value = ['a' => 1, 'b' => [true, null, 2.5]];
$text = serialize($value);
var_dump(swoole_substr_unserialize("head$text", 4) === $value, swoole_substr_unserialize("head{$text}tail", 4, strlen($text)) === $value);
var_dump(swoole_substr_unserialize("head$text", -strlen($text)) === $value, swoole_substr_unserialize("head$text", 4, 10000) === $value);
var_dump(swoole_substr_unserialize($text, strlen($text)), swoole_substr_unserialize($text, 1 << 40), swoole_substr_unserialize($text, -1 << 40), swoole_substr_unserialize('', 0), swoole_substr_unserialize($text, PHP_INT_MIN));
var_dump(swoole_substr_unserialize('xO:4:"Loud":1:{s:1:"n";i:5;}', 1)->n);
var_dump(get_class(swoole_substr_unserialize('xO:4:"Loud":0:{}', 1, 0, ['allowed_classes' => false])));
try {
    swoole_substr_unserialize('x' . serialize(new Angry), 1);
} catch (LogicException $e) {
    echo $e->getMessage(), "\n";
}
var_dump(@swoole_substr_unserialize("head$text", 3), error_get_last()['message']);

$text = json_encode($value);
var_dump(swoole_substr_json_decode("head$text", 4)->b, swoole_substr_json_decode("head{$text}tail", 4, strlen($text), true) === $value);
var_dump(swoole_substr_json_decode("x$text", 1, 0, false, 512, JSON_OBJECT_AS_ARRAY) === $value);
var_dump(swoole_substr_json_decode("head$text", 3), json_last_error_msg(), swoole_substr_json_decode("x$text", 1, 0, true, 1), json_last_error_msg());
try {
    swoole_substr_json_decode('x{', 1, flags: JSON_THROW_ON_ERROR);
} catch (JsonException $e) {
    echo $e->getMessage(), "\n";
}
$before = memory_get_usage();
for ($i = 0; $i < 100000; $i++) {
    swoole_substr_json_decode("x$text", 1, 0, true);
    swoole_substr_unserialize('xi:5;', 1, 0, ['allowed_classes' => false]);
    swoole_substr_unserialize('xi:5;', 1, 0, []);
}
var_dump(memory_get_usage() - $before < 1000);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)
awake
int(5)
string(22) "__PHP_Incomplete_Class"
no
bool(false)
string(44) "unserialize(): Error at offset 0 of 57 bytes"
array(3) {
  [0]=>
  bool(true)
  [1]=>
  NULL
  [2]=>
  float(2.5)
}
bool(true)
bool(true)
NULL
string(12) "Syntax error"
NULL
string(28) "Maximum stack depth exceeded"
Syntax error
bool(true)
