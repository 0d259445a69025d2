--TEST--
A task's result: returned or given by finish(), any value, each one an onFinish
--DESCRIPTION--
Strings travel as they are, everything else through PHP's serializer once. false, 0 and '' are results, null is none.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
class Point implements JsonSerializable
{
    public function __construct(public int $x, private array $log = []) {}
    public function __serialize(): array { return [$this->x, [...$this->log, 's']]; }
    public function __unserialize(array $data): void { $this->x = $data[0]; $this->log = [...$data[1], 'u']; }
    public function jsonSerialize(): mixed { return [$this->x, implode($this->log)]; }
}
$server = server(['task_worker_num' => 1]);
$server->on('task', function ($server, $id, $source, $data) {
    if ($data === 'thrice') {
        var_dump($server->finish('first'), $server->finish(['second']));
        return 'third';
    }
    return is_array($data) && isset($data['return']) ? $data['return'] : $data;
});
$server->on('finish', function ($server, $id, $result) {
    say("$id: " . get_debug_type($result) . ' ' . json_encode($result));
    if ($id === 10) {
        $server->send(1, 'done');
    }
});
$server->on('receive', function ($server) {
    foreach ([true, 5, 1.5, [1, 'k' => null], new Point(7), "\0bytes\xff" === '' ? 1 : 'text', ['return' => false],
        ['return' => 0], ['return' => ''], 'thrice', 'last'] as $data) {
        $server->task($data);
    }
    $server->task(null);
});
$server->start();
PHP);
echo $run->ask('go'), "\nexit code ", $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECT--
done
exit code 0
bool(true)
bool(true)
0: bool true
1: int 5
2: float 1.5
3: array {"0":1,"k":null}
4: Point [7,"susu"]
5: string "text"
6: bool false
7: int 0
8: string ""
9: string "first"
9: array ["second"]
9: string "third"
10: string "last"
