<?php
// Echo on all addresses of the container, with a log on standard output.

$server = new Skep\Server('0.0.0.0', 9501);
$server->set(['worker_num' => 2, 'max_wait_time' => 5]);
$server->on('receive', fn ($server, $session, $reactor, $data) => $server->send($session, $data));
$server->start();
