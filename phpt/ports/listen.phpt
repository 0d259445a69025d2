--TEST--
listen(): what it returns, what it refuses, and how
--DESCRIPTION--
False and the last error, without a warning; the reason is in the log. Nothing is added then.
--FILE--
<?php
require __DIR__ . '/../include/ports.inc';

$run = serve(<<<'PHP'
$server = server();
$attempt = function (mixed ...$args) use ($server) {
    swoole_clear_error();
    try {
        $port = $server->listen(...$args);
        echo $port ? "$port->host $port->type " . json_encode([$port->ssl, $port->setting]) : 'refused', ' ', $server->getLastError(), "\n";
    } catch (Throwable $e) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
};
$attempt('127.0.0.1', 0);
$attempt('127.0.0.1', 'x', 1);
$attempt('127.0.0.1', 0, 99);
$attempt('127.0.0.1', 70000, SWOOLE_SOCK_TCP);
$attempt('192.0.2.1', 0, SWOOLE_SOCK_TCP);
$attempt('999.1.1.1', 0, SWOOLE_SOCK_TCP);
$attempt('/nowhere/at/all', 0, SWOOLE_SOCK_UNIX_STREAM);
$attempt(str_repeat('a', 200), 0, SWOOLE_SOCK_UNIX_STREAM);
$attempt('127.0.0.1', 0, SWOOLE_SOCK_UDP | SWOOLE_SSL);
$taken = stream_socket_server('tcp://127.0.0.1:0');
$attempt('127.0.0.1', (int)explode(':', stream_socket_get_name($taken, false))[1], SWOOLE_SOCK_TCP);
var_dump(count($server->ports));
$attempt('127.0.0.1', 0, SWOOLE_SOCK_TCP);
$attempt('127.0.0.1', 0, SWOOLE_SOCK_TCP | SWOOLE_SSL);
$attempt('::1', 0, SWOOLE_SOCK_TCP6);
$attempt(host: getenv('SKEP_DIR') . '/s', port: 5, sock_type: SWOOLE_SOCK_UNIX_STREAM);
$server->ports = 'spoiled';
$attempt('127.0.0.1', 0, SWOOLE_SOCK_TCP);
echo count($server->ports), ' ', get_class($server->ports[0]), "\n";
PHP);
echo 'exit code ', $run->wait(), "\n", str_replace($run->dir(), '', $run->output()), $run->log();
?>
--EXPECTF--
exit code 0
ArgumentCountError: Skep\Server::listen() expects exactly 3 arguments, 2 given
TypeError: Skep\Server::listen(): Argument #2 ($port) must be of type int, string given
refused 94
refused 9004
refused 99
refused 722
refused 2
refused 504

Warning: Skep\Server::listen(): TLS over datagrams (DTLS) is not supported in %s on line %d
refused 507
refused 98
int(1)
127.0.0.1 1 [false,null] 0
127.0.0.1 1 [true,null] 0
::1 3 [false,null] 0
/s 5 [false,null] 0
127.0.0.1 1 [false,null] 0
1 Skep\Server\Port
%c0 WARNING listen(): unknown socket type [99]
%c0 ERROR listen() (ERRNO 9004): invalid port [70000]
%c0 WARNING listen(): failed to listen server port[192.0.2.1:0], Error: Cannot assign requested address[99]
%c0 WARNING listen(): Invalid address '999.1.1.1:0'
%c0 WARNING listen(): failed to listen server port[/nowhere/at/all:0], Error: No such file or directory[2]
%c0 ERROR listen() (ERRNO 504): address '%s' exceeds the limit of 107 characters
%c0 WARNING listen(): failed to listen server port[127.0.0.1:%d], Error: Address already in use[98]
