--TEST--
A callable given to task(): for the first result in the place of onFinish, then forgotten
--DESCRIPTION--
It is held where the garbage collector sees it, and let go with the first result, when the task is over without one, and when
it is lost. Later results of the task go to onFinish. One that has thrown ends the worker as any callback.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
class Held
{
    public ?object $self = null;
    public function __construct(public string $name) { $this->self = $this; }
    public function __destruct() { if (getmypid() === $GLOBALS['pid']) { say("$this->name is gone"); } }
    public static function fixed($server, $id, $result) { say("static: $id $result"); }
}
$server = server(['task_worker_num' => 1]);
$server->on('workerStart', function () { $GLOBALS['pid'] = getmypid(); });
$server->on('task', function ($server, $id, $source, $data) {
    if ($data === 'twice') {
        $server->finish('one');
        $server->finish('two');
    } elseif ($data === 'die') {
        exit(1);
    } elseif ($data !== 'none') {
        return $data;
    }
});
$server->on('finish', function ($server, $id, $result) { say("onFinish: $id $result"); });
$server->on('taskLost', function ($server, $id) { gc_collect_cycles(); say("lost: $id"); });
$server->on('receive', function ($server, $fd, $reactor, $data) {
    $held = new Held($data);
    $held->self = null;
    $closure = function ($server, $id, $result) use ($held, $fd) {
        say("closure of $held->name: $id $result");
    };
    gc_collect_cycles();
    $id = $server->task($data, -1, $data === 'static' ? 'Held::fixed' : $closure);
    $server->send($fd, "task $id");
});
$server->start();
PHP);
foreach (['result', 'twice', 'none', 'static', 'die'] as $data) {
    echo $run->ask($data), "\n";
    $run->expect(['die' => 'lost: ', 'twice' => 'two', 'static' => 'static: '][$data] ?? "$data is gone");
}
echo 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECT--
task 0
task 1
task 2
task 3
task 4
exit code 0
closure of result: 0 result
result is gone
closure of twice: 1 one
twice is gone
onFinish: 1 two
none is gone
static is gone
static: 3 static
die is gone
lost: 4
