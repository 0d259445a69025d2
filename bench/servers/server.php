<?php
// What the PHP servers of the benches have in common. Arguments of the form key=value are settings;
// SKEP_WORKERS, SKEP_REACTORS and PORT come from the runner, which reads from stdout either
// "READY <port>" or, from a build that lacks what is to be measured, "SKIP <reason>".

function skip(string $why): never
{
    echo "SKIP $why\n";
    exit(0);
}

/** A server with the settings of the command line. Only what does not exist is a reason to skip. */
function server(string $socket, array $arguments): Skep\Server
{
    $type = match ($socket) {
        'tcp' => SWOOLE_SOCK_TCP,
        'tls' => SWOOLE_SOCK_TCP | SWOOLE_SSL,
        'udp' => SWOOLE_SOCK_UDP,
    };
    $server = new Skep\Server('127.0.0.1', (int) (getenv('PORT') ?: 0), SWOOLE_PROCESS, $type);
    $settings = [
        'worker_num' => (int) (getenv('SKEP_WORKERS') ?: 1),
        'reactor_num' => (int) (getenv('SKEP_REACTORS') ?: 1),
        'log_level' => SWOOLE_LOG_WARNING,
    ];
    if ($socket !== 'udp') {
        $settings['open_tcp_nodelay'] = true;
    }
    foreach ($arguments as $argument) {
        [$key, $value] = explode('=', $argument, 2);
        $settings[$key] = match (true) {
            $value === 'true' => true,
            $value === 'false' => false,
            $value === (string) (int) $value => (int) $value,
            default => $value,
        };
    }
    set_error_handler(function (int $level, string $text): never {
        str_starts_with($text, 'unsupported option') ? skip($text) : throw new ErrorException($text);
    });
    $server->set($settings);
    restore_error_handler();
    $server->on('start', function ($server) {
        echo "READY {$server->port}\n";
    });
    return $server;
}

/** A callback that an older build may not know. */
function on(Skep\Server $server, string $event, callable $callback): void
{
    if (!@$server->on($event, $callback)) {
        skip("no callback $event");
    }
}
