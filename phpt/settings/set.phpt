--TEST--
set(): what is taken, warned about and refused
--DESCRIPTION--
A refused call changes nothing; unknown settings are warned about and kept; integer keys are ignored.
--FILE--
<?php
$server = new Skep\Server('127.0.0.1');
var_dump($server->setting);
var_dump($server->set(['worker_num' => '2', 'max_conn' => 100]));
var_dump($server->set(['foo' => 1, 'WORKER_NUM' => 3]), swoole_last_error());
var_dump($server->set([7 => 'x', 'reactor_num' => null, 'dispatch_mode' => 1]));
var_dump($server->set(['worker_num' => 9, 'log_format' => 'xml']), swoole_last_error());
var_dump($server->set(['socket_buffer_size' => '2Q']), $server->set(['socket_buffer_size' => '2M']));
var_dump($server->set(['enable_coroutine' => true]), $server->set(['enable_coroutine' => false]));
echo json_encode($server->setting), "\n", json_encode($server->ports[0]->setting), "\n";
$copy = $server->setting;
$copy['worker_num'] = 77;
var_dump($server->set($server->setting), $server->setting['worker_num']);
var_dump($server->ports[0]->set(['backlog' => 10, 'bar' => 1]));
echo json_encode($server->ports[0]->setting), "\n";

set_error_handler(function ($level, $text) { throw new Exception("$level $text"); });
try {
    $server->set(['worker_num' => 5, 'foo' => 1]);
} catch (Exception $e) {
    var_dump($e->getMessage(), $server->setting['worker_num']);
}
?>
--EXPECTF--
NULL
bool(true)

Warning: unsupported option [foo] in %s on line 5

Warning: unsupported option [WORKER_NUM] in %s on line 5
bool(true)
int(0)
bool(true)

Warning: Skep\Server::set(): log_format 'xml' is not known, use text or json in %s on line 7
bool(false)
int(505)

Warning: Skep\Server::set(): failed to parse '2Q' to size in %s on line 8
bool(false)
bool(true)

Warning: Skep\Server::set(): enable_coroutine is not supported, callbacks run one at a time in %s on line 9
bool(false)
bool(true)
{"worker_num":"2","max_conn":100,"foo":1,"WORKER_NUM":3,"reactor_num":null,"dispatch_mode":1,"socket_buffer_size":"2M","enable_coroutine":false}
{"worker_num":"2","max_conn":100,"foo":1,"WORKER_NUM":3,"reactor_num":null,"dispatch_mode":1,"socket_buffer_size":"2M","enable_coroutine":false}

Warning: unsupported option [foo] in %s on line 13

Warning: unsupported option [WORKER_NUM] in %s on line 13
bool(true)
string(1) "2"

Warning: unsupported option [bar] in %s on line 14
NULL
{"worker_num":"2","max_conn":100,"foo":1,"WORKER_NUM":3,"reactor_num":null,"dispatch_mode":1,"socket_buffer_size":"2M","enable_coroutine":false,"backlog":10,"bar":1}
string(28) "512 unsupported option [foo]"
string(1) "2"
