--TEST--
Constants have the reference's values
--DESCRIPTION--
Scripts compare numbers; each kind is sampled, and the number of them is fixed.
--FILE--
<?php
foreach (['BASE', 'PROCESS', 'SSL', 'SOCK_TCP', 'TCP6', 'SOCK_UNIX_STREAM', 'UNIX_DGRAM', 'SOCK_SYNC', 'SOCK_ASYNC',
    'EVENT_READ', 'DISPATCH_ROUND', 'DISPATCH_RESULT_USERFUNC_FALLBACK', 'IPC_PREEMPTIVE', 'WORKER_BUSY', 'WORKER_EXIT',
    'LOG_NONE', 'LOG_ROTATION_EVERY_MINUTE', 'STRERROR_SWOOLE', 'FILELOCK', 'TIMER_MAX_MS', 'TIMER_MIN_SEC', 'TIMER_MAX_SEC',
    'VERSION', 'VERSION_ID', 'MAJOR_VERSION', 'EXTRA_VERSION', 'DEBUG', 'ERROR_MALLOC_FAIL', 'ERROR_SESSION_NOT_EXIST',
    'ERROR_SERVER_SEND_TO_WOKER_TIMEOUT', 'ERROR_CO_SOCKET_CLOSE_WAIT'] as $name) {
    echo "$name ", var_export(constant("SWOOLE_$name"), true), "\n";
}
$all = get_defined_constants(true)['skep'];
echo count($all), " constants, ", count(preg_grep('/^SWOOLE_ERROR_/', array_keys($all))), " of them error codes\n";
var_dump(SKEP_VERSION === skep_version(), swoole_version(), swoole_cpu_num() >= 1);
foreach ([2, 98, 501, 503, 1005, 1012, 9014, 10019, 8888] as $code) {
    echo $code, ' ', swoole_strerror($code), "\n";
}
echo swoole_strerror(-2, SWOOLE_STRERROR_GAI), "\n", swoole_strerror(2, SWOOLE_STRERROR_SWOOLE), "\n";
var_dump(swoole_set_process_name('skep test'), cli_get_process_title());
var_dump(swoole_last_error(), swoole_clear_error(), swoole_errno() >= 0);
?>
--EXPECTF--
BASE 1
PROCESS 2
SSL 512
SOCK_TCP 1
TCP6 3
SOCK_UNIX_STREAM 5
UNIX_DGRAM 6
SOCK_SYNC false
SOCK_ASYNC true
EVENT_READ 512
DISPATCH_ROUND 1
DISPATCH_RESULT_USERFUNC_FALLBACK -3
IPC_PREEMPTIVE 3
WORKER_BUSY 1
WORKER_EXIT 3
LOG_NONE 6
LOG_ROTATION_EVERY_MINUTE 4
STRERROR_SWOOLE 9
FILELOCK 2
TIMER_MAX_MS 9223372036854775807
TIMER_MIN_SEC 0.001
TIMER_MAX_SEC 9223372036854776.0
VERSION '6.2.2'
VERSION_ID 60202
MAJOR_VERSION 6
EXTRA_VERSION ''
DEBUG false
ERROR_MALLOC_FAIL 501
ERROR_SESSION_NOT_EXIST 1005
ERROR_SERVER_SEND_TO_WOKER_TIMEOUT 9014
ERROR_CO_SOCKET_CLOSE_WAIT 10019
269 constants, 130 of them error codes
bool(true)
string(5) "6.2.2"
bool(true)
2 No such file or directory
98 Address already in use
501 Malloc fail
503 PHP fatal error
1005 Session not exist
1012 SSL cannot use senfile
9014 Server send to woker timeout
10019 Coroutine socket close wait
8888 Unknown error 8888
Name or service not known
Unknown error 2
bool(true)
string(9) "skep test"
int(0)
NULL
bool(true)
