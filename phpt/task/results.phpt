--TEST--
A task's result: returned or given by finish(), any value, each one an onFinish
--DESCRIPTION--
Strings travel as they are, everything else through PHP's serializer once each way. false, 0 and '' are results, null is none.
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
        $given = json_encode([$server->finish('first'), $server->finish(['second'])]);
        return "third, after $given";
    }
    return is_array($data) && array_key_exists('return', $data) ? $data['return'] : $data;
});
$server->on('finish', function ($server, $id, $result) {
    say("$id: " . get_debug_type($result) . ' ' . (is_string($result) ? bin2hex(substr($result, 0, 3)) . strlen($result)
        : json_encode($result)));
    if ($result === 'last') {
        $server->send(1, 'done');
    }
});
$server->on('receive', function ($server) {
    foreach ([true, 5, 1.5, [1, 'k' => null], new Point(7), "\0\xff" . str_repeat('x', 8150), ['return' => false],
        ['return' => 0], ['return' => ''], ['return' => null], 'thrice', null, 'last'] as $data) {
        $server->task($data);
    }
});
$server->start();
PHP);
echo $run->ask('go'), "\nexit code ", $run->stop(), "\n", $run->output(), $run->log();
?>
--EXPECT--
done
exit code 0
0: bool true
1: int 5
2: float 1.5
3: array {"0":1,"k":null}
4: Point [7,"susu"]
5: string 00ff788152
6: bool false
7: int 0
8: string 0
10: string 6669725
10: array ["second"]
10: string 74686924
12: string 6c61734
#0 INFO Server is shutdown now
