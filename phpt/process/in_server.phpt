--TEST--
Process: in the processes of a running server
--DESCRIPTION--
Refused in the master. A child of a worker is no worker: it cannot use the server, dies of SIGTERM, ends with shutdown functions
and destructors of its own, and neither keeps the port nor disturbs anybody when it is killed.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
use Skep\Process;
$before = new Process('strlen');
$server = server(['worker_num' => 2]);
$server->on('start', function () use ($before) {
    foreach ([fn () => new Process('strlen'), fn () => $before->start()] as $try) {
        try {
            $try();
        } catch (Error $e) {
            say('master: ' . get_class($e) . ' ' . $e->getMessage());
        }
    }
    say('master: ' . json_encode(@Process::wait()) . json_encode(@Process::daemon()));
});
$server->on('managerStart', fn () => say('manager: ' . json_encode(@Process::wait())));
class Noted { function __destruct() { say('destructor ' . (getmypid() === ($GLOBALS['child'] ?? 0) ? 'child' : 'other')); } }
$noted = new Noted;
$server->on('receive', function ($server, $fd, $reactor, $data) {
    if ($data === 'run') {
        $p = new Process(function ($p) use ($server, $fd) {
            $GLOBALS['child'] = getmypid();
            register_shutdown_function(fn () => say('shutdown function'));
            $p->write(json_encode([$server->send($fd, 'no'), $server->close($fd), $server->reload(), mt_rand()]));
            throw new Exception('of the child');
        });
        $p->start();
        $server->send($fd, preg_replace('/,\d+]/', ']', $p->read()) . Process::wait()['code']);
    } elseif ($data === 'keep') {
        $p = new Process(fn () => sleep(60));
        $p->start();
        $server->send($fd, (string)$p->pid);
    } elseif ($data === 'term') {
        $p = new Process(function ($p) { $p->write('x'); sleep(60); });
        $p->start();
        $p->read();
        Process::kill($p->pid);
        $server->send($fd, 'signal ' . Process::wait()['signal']);
    } else {
        $server->send($fd, "got $data");
    }
});
$server->start();
PHP);
$client = $run->connect();
$ask = function (string $text) use ($client) {
    fwrite($client, $text);
    return fread($client, 1000);
};
var_dump($ask('run'), $ask('term'), $ask('one'));
$pid = (int)$ask('keep');
var_dump($ask('two'));
$port = $run->port();
$run->kill(15);
eventually(fn () => @file_get_contents("/proc/$run->pid/stat") === false || str_contains(file_get_contents("/proc/$run->pid/stat"), ') Z'));
var_dump(in_array($pid, $run->processes()), (bool)@stream_socket_client("tcp://127.0.0.1:$port"));
$run->kill(9, $pid);
var_dump($run->wait());
$lines = array_filter(explode("\n", $run->output()), fn ($line) => preg_match('/^(master|manager|shutdown|destructor child)/', $line));
sort($lines);
echo implode("\n", $lines), "\n";
echo substr_count($run->output(), 'PHP Fatal error:  Uncaught Exception: of the child') + substr_count($run->output(), 'Fatal error: Uncaught Exception: of the child') > 0 ? 'reported' : 'not reported', "\n";
?>
--EXPECT--
string(22) "[false,false,false]255"
string(9) "signal 15"
string(7) "got one"
string(7) "got two"
bool(true)
bool(false)
int(0)
destructor child
manager: false
master: Error Skep\Process can't be used in master process
master: Error Skep\Process can't be used in master process
master: falsefalse
shutdown function
reported
