--TEST--
start() needs a receive callback for each port
--DESCRIPTION--
Its own or the primary port's; one of another port does not do.
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

foreach ([
    'primary' => '$server->listen("127.0.0.1", 0, SWOOLE_SOCK_TCP)->on("receive", "strlen");',
    'second' => '$server->ports[0]->on("receive", "strlen"); $server->listen("127.0.0.1", 0, SWOOLE_SOCK_TCP);',
] as $name => $body) {
    $run = serve(<<<PHP
    \$server = new Skep\Server('127.0.0.1', 0);
    \$server->set(['worker_num' => 1, 'log_file' => getenv('SKEP_DIR') . '/log']);
    $body
    \$server->on('start', fn (\$server) => \$server->shutdown());
    \$server->start();
    PHP);
    echo "$name: exit code ", $run->wait(), $run->output(), "\n";
}
?>
--EXPECTF--
primary: exit code 255
Fatal error: Skep\Server::start(): require onReceive callback in %s on line 7

second: exit code 0
