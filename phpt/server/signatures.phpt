--TEST--
Names, types and defaults of all parameters
--DESCRIPTION--
Named arguments and static analysis depend on them.
--FILE--
<?php
foreach (['Skep\Server', 'Skep\Server\Port', 'Skep\Server\Task', 'Skep\Connection\Iterator'] as $class) {
    echo "class $class: ", implode(', ', (new ReflectionClass($class))->getInterfaceNames()), "\n";
    foreach ((new ReflectionClass($class))->getMethods() as $method) {
        echo implode(' ', Reflection::getModifierNames($method->getModifiers())), " $method->name(";
        echo implode(', ', array_map(function (ReflectionParameter $p) {
            return $p->getType() . ($p->isVariadic() ? ' ...$' : ' $') . $p->name
                . ($p->isOptional() && !$p->isVariadic() ? ' = ' . ($p->isDefaultValueConstant() ? $p->getDefaultValueConstantName()
                    : var_export($p->getDefaultValue(), true)) : '');
        }, $method->getParameters())), ')';
        echo $method->hasReturnType() ? ": {$method->getReturnType()}\n" : "\n";
    }
}
foreach ((new ReflectionExtension('skep'))->getFunctions() as $function) {
    echo "$function->name(", implode(', ', array_map(fn ($p) => "{$p->getType()} \$$p->name", $function->getParameters())),
        "): {$function->getReturnType()}\n";
}
?>
--EXPECTF--
class Skep\Server: 
public __construct(string $host = '0.0.0.0', int $port = 0, int $mode = SWOOLE_PROCESS, int $sock_type = SWOOLE_SOCK_TCP)
public set(array $settings): bool
public on(string $event_name, callable $callback): bool
public getCallback(string $event_name): Closure|array|string|null
public listen(string $host, int $port, int $sock_type): Skep\Server\Port|false
public addlistener(string $host, int $port, int $sock_type): Skep\Server\Port|false
public getSocket(int $port = 0): Socket|false
public start(): bool
public addCommand(string $name, int $accepted_process_types, callable $callback): bool
public command(string $name, int $process_id, int $process_type, mixed $data, bool $json_decode = true, float $timeout = 5.0): array|string|false
public send(string|int $fd, string $send_data, int $serverSocket = -1): bool
public sendto(string $ip, int $port, string $send_data, int $server_socket = -1): bool
public sendfile(int $conn_fd, string $filename, int $offset = 0, int $length = 0): bool
public sendwait(int $conn_fd, string $send_data): bool
public close(int $fd, bool $reset = false): bool
public exists(int $fd): bool
public exist(int $fd): bool
public getClientInfo(int $fd, int $reactor_id = -1, bool $ignoreError = false): array|false
public connection_info(int $fd, int $reactor_id = -1, bool $ignoreError = false): array|false
public getClientList(int $start_fd = 0, int $find_count = 10): array|false
public connection_list(int $start_fd = 0, int $find_count = 10): array|false
public bind(int $fd, int $uid): bool
public protect(int $fd, bool $is_protected = true): bool
public pause(int $fd): bool
public resume(int $fd): bool
public confirm(int $fd): bool
public heartbeat(bool $ifCloseConnection = true): array|false
public task(mixed $data, int $taskWorkerIndex = -1, ?callable $finishCallback = NULL): int|false
public taskwait(mixed $data, float $timeout = 0.5, int $taskWorkerIndex = -1): mixed
public taskWaitMulti(array $tasks, float $timeout = 0.5): array|false
public taskCo(array $tasks, float $timeout = 0.5): array|false
public finish(mixed $data): bool
public sendMessage(mixed $message, int $dst_worker_id): bool
public addProcess(Skep\Process $process): int|false
public stats(): array|false
public reload(bool $only_reload_taskworker = false): bool
public tick(int $ms, callable $callback, mixed ...$params): int|false
public after(int $ms, callable $callback, mixed ...$params): int|false
public clearTimer(int $timer_id): bool
public defer(callable $callback): bool
public reloadTls(): bool
public shutdown(): bool
public stop(int $workerId = -1, bool $waitEvent = false): bool
public getLastError(): int
public getWorkerId(): int|false
public getWorkerPid(int $worker_id = -1): int|false
public getWorkerStatus(int $worker_id = -1): int|false
public getMasterPid(): int
public getManagerPid(): int
class Skep\Server\Port: 
private __construct()
public set(array $settings): void
public on(string $event_name, callable $callback): bool
public getCallback(string $event_name): Closure|array|string|null
public getSocket(): Socket|false
class Skep\Server\Task: 
public finish(mixed $data): bool
public static pack(mixed $data): string|false
public static unpack(string $data): mixed
class Skep\Connection\Iterator: Iterator, Traversable, ArrayAccess, Countable
public __construct()
public rewind(): void
public next(): void
public current(): mixed
public key(): mixed
public valid(): bool
public count(): int
public offsetExists(mixed $fd): bool
public offsetGet(mixed $fd): mixed
public offsetSet(mixed $fd, mixed $value): void
public offsetUnset(mixed $fd): void
swoole_version(): string
swoole_cpu_num(): int
swoole_last_error(): int
swoole_clear_error(): void
swoole_errno(): int
swoole_strerror(int $errno, int $error_type): string
swoole_set_process_name(string $process_name): bool
skep_set_process_name(string $process_name): bool
swoole_client_select(?array $read_array, ?array $write_array, ?array $error_array, ?float $timeout): int|false
swoole_select(?array $read_array, ?array $write_array, ?array $error_array, ?float $timeout): int|false
skep_client_select(?array $read_array, ?array $write_array, ?array $error_array, ?float $timeout): int|false
skep_version(): string
swoole_get_local_ip(int $family): array
swoole_get_local_mac(): array
swoole_hashcode(string $data, int $type): int|false
swoole_clear_dns_cache(): void
swoole_error_log(int $level, string $msg): void
swoole_error_log_ex(int $level, int $error, string $msg): void
swoole_ignore_error(int $error): void
swoole_async_set(array $settings): bool
swoole_substr_unserialize(string $str, int $offset, int $length, array $options): mixed
swoole_substr_json_decode(string $str, int $offset, int $length, bool $associative, int $depth, int $flags): mixed
swoole_timer_tick(int $ms, callable $callback, mixed $params): int|false
swoole_timer_after(int $ms, callable $callback, mixed $params): int|false
swoole_timer_exists(int $timer_id): bool
swoole_timer_info(int $timer_id): array|false|null
swoole_timer_stats(): array
swoole_timer_clear(int $timer_id): bool
swoole_timer_clear_all(): bool
swoole_timer_list(): Skep\Timer\Iterator
swoole_event_add(mixed $fd, ?callable $read_callback, ?callable $write_callback, int $events): int|false
swoole_event_set(mixed $fd, ?callable $read_callback, ?callable $write_callback, int $events): bool
swoole_event_del(mixed $fd): bool
swoole_event_isset(mixed $fd, int $events): bool
swoole_event_write(mixed $fd, string $data): bool
swoole_event_defer(callable $callback): bool
swoole_event_cycle(?callable $callback, bool $before): bool
swoole_event_dispatch(): bool
swoole_event_wait(): void
swoole_event_exit(): void
