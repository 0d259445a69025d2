--TEST--
getClientInfo(), stats() and connections
--DESCRIPTION--
Keys, their order and types are the reference's.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
$server = server();
$server->on('receive', function ($server, $fd) {
    $info = $server->getClientInfo($fd);
    say(json_encode(array_map('get_debug_type', $info)));
    $again = $server->connection_info($fd);
    say(json_encode([$info['worker_id'], $info['server_port'] === $server->port, $info['server_fd'] === $server->ports[0]->sock,
        $info['socket_type'], $info['remote_ip'], $info['reactor_id'], abs($info['connect_time'] - time()) < 3,
        $info['last_time'] === (int)$info['last_recv_time'], $info['close_errno'], $again['remote_port'] === $info['remote_port']]));
    $stats = $server->stats();
    say(implode(' ', array_keys($stats)));
    say(json_encode(array_unique(array_map('get_debug_type', $stats))));
    say(json_encode(array_intersect_key($stats, ['connection_num' => 1, 'accept_count' => 1, 'worker_num' => 1, 'session_round' => 1])));
    $c = $server->connections;
    say(json_encode([count($c), iterator_to_array($c), isset($c[$fd]), isset($c[99]), $c[99], $c[$fd]['remote_port'] === $info['remote_port']]));
    $c[5] = 1;
    unset($c[5]);
    say(json_encode([$server->getClientList(), $server->getClientList(1), $server->getClientList(3), $server->connection_list(0, 2)]));
    $keys = [];
    foreach ($server->ports[0]->connections as $key => $id) {
        $keys[] = "$key=>$id";
        if ($id === 2) {
            $server->close(3);
        }
    }
    say(implode(' ', $keys));
    $server->send($fd, 'done');
});
$server->on('workerStart', fn ($server) => say(json_encode(['log_file' => ''] + $server->setting)));
$server->start();
PHP);
$sockets = [$run->connect(), $run->connect(), $run->connect()];
fwrite($sockets[0], 'x');
echo fread($sockets[0], 100), "\n", 'exit code ', $run->stop(), "\n", $run->output();
?>
--EXPECTF--
done
exit code 0
{"log_file":"","worker_num":1,"task_worker_num":0,"output_buffer_size":4294967295,"buffer_output_size":4294967295,"max_connection":%d}
{"worker_id":"int","server_port":"int","server_fd":"int","socket_fd":"int","socket_type":"int","remote_port":"int","remote_ip":"string","reactor_id":"int","connect_time":"int","last_time":"int","last_recv_time":"float","last_send_time":"float","last_dispatch_time":"float","close_errno":"int","recv_queued_bytes":"int","send_queued_bytes":"int"}
[0,true,true,1,"127.0.0.1",0,true,true,0,true]
start_time connection_num abort_count accept_count close_count worker_num task_worker_num user_worker_num idle_worker_num dispatch_count request_count response_count total_recv_bytes total_send_bytes pipe_packet_msg_id concurrency session_round min_fd max_fd worker_request_count worker_response_count worker_dispatch_count worker_concurrency tasking_num coroutine_num coroutine_peek_num requests_lost output_bytes held_back datagrams_dropped task_queue_bytes task_queue_age_ms tasks_at_work tasks_lost messages_lost reloads phase ready workers
{"start_time":"int","phase":"string","ready":"bool","workers":"array"}
{"connection_num":3,"accept_count":3,"worker_num":1,"session_round":3}
[3,{"1":1,"2":2,"3":3},true,false,false,true]
[[1,2,3],[2,3],false,[1,2]]
1=>1 2=>2
