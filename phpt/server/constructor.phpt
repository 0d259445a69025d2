--TEST--
What the constructor refuses, and how
--DESCRIPTION--
A refused construction leaves nothing behind: the next one works.
--FILE--
<?php
function attempt(mixed ...$args): void
{
    try {
        $server = new Skep\Server(...$args);
        echo 'bound ', $server->host, ' ', $server->type, $server->ssl && $server->ports[0]->ssl ? ' encrypted' : '', "\n";
    } catch (Throwable $e) {
        echo get_class($e), ' ', $e->getCode(), ': ', preg_replace('/:\d{4,5}\]/', ':PORT]', $e->getMessage()), "\n";
    }
}

attempt();
attempt('127.0.0.1', 'x');
attempt('127.0.0.1', 0, 9);
attempt('127.0.0.1', 0, SWOOLE_BASE);
attempt('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP | SWOOLE_SSL);
attempt('127.0.0.1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_UDP | SWOOLE_SSL);
attempt('127.0.0.1', 0, SWOOLE_PROCESS, 99);
attempt('127.0.0.1', 0, SWOOLE_PROCESS, 0);
attempt('127.0.0.1', 70000);
attempt('127.0.0.1', -1);
attempt('192.0.2.1', 0);
attempt('999.1.1.1', 0);
attempt('/nowhere/at/all', 0, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
attempt(str_repeat('a', 200), 0, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
$taken = stream_socket_server('tcp://127.0.0.1:0');
attempt('127.0.0.1', (int)explode(':', stream_socket_get_name($taken, false))[1]);
attempt('127.0.0.1', 0);
attempt(host: '127.0.0.1', sock_type: SWOOLE_SOCK_TCP);
attempt('::1', 0, SWOOLE_PROCESS, SWOOLE_SOCK_TCP6);

$first = new Skep\Server('127.0.0.1');
attempt('127.0.0.1');
unset($first);
attempt('127.0.0.1');
?>
--EXPECTF--
ArgumentCountError 0: Skep\Server::__construct() expects at least 1 argument, 0 given
TypeError 0: Skep\Server::__construct(): Argument #2 ($port) must be of type int, string given
Error 0: invalid $mode parameters 9
Skep\Error 507: SWOOLE_BASE is not supported yet, use SWOOLE_PROCESS
bound 127.0.0.1 1 encrypted
Skep\Error 507: TLS over datagrams (DTLS) is not supported
Skep\Exception 94: failed to listen server port[127.0.0.1:0], Error: Socket type not supported[94]
Skep\Exception 94: failed to listen server port[127.0.0.1:0], Error: Socket type not supported[94]
Skep\Exception 9004: failed to listen server port[127.0.0.1:PORT], Error: Server invalid listen port[9004]
Skep\Exception 9004: failed to listen server port[127.0.0.1:-1], Error: Server invalid listen port[9004]
Skep\Exception 99: failed to listen server port[192.0.2.1:0], Error: Cannot assign requested address[99]
Skep\Exception 722: failed to listen server port[999.1.1.1:0], Error: Bad host addr[722]
Skep\Exception 2: failed to listen server port[/nowhere/at/all:0], Error: No such file or directory[2]
Skep\Exception 504: failed to listen server port[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:0], Error: Name too long[504]
Skep\Exception 98: failed to listen server port[127.0.0.1:PORT], Error: Address already in use[98]
bound 127.0.0.1 1
bound 127.0.0.1 1
bound ::1 3
Skep\Exception -3: server is running. unable to create Skep\Server
bound 127.0.0.1 1
