--TEST--
A bootstrap file that cannot be loaded ends the worker, and the log says why
--DESCRIPTION--
The worker that comes after the file has been mended serves. onWorkerStart and onWorkerStop of the failed one do not run.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach ([
    'exception' => '<?php function f() {} throw new LogicException("not today");',
    'parse error' => '<?php function f( {',
    'compile error' => '<?php class A { function f() {} function f() {} }',
    'fatal error' => '<?php str_repeat("x", 1 << 40);',
    'missing' => null,
    'exit' => '<?php exit(3);',
] as $what => $code) {
    $run = serve(<<<'PHP'
    $server = server(['bootstrap' => getenv('SKEP_DIR') . '/app.php']);
    $server->on('workerStart', fn () => say('start ' . answer()));
    $server->on('workerStop', fn () => say('stop'));
    while (!file_exists(getenv('SKEP_DIR') . '/ready')) {
        usleep(1000);
    }
    register_shutdown_function(fn () => say('shutdown function'));
    $server->start();
    PHP, ['display_errors=0', 'log_errors=0']);
    $file = $run->dir() . '/app.php';
    $code === null || file_put_contents($file, $code);
    touch($run->dir() . '/ready');
    $run->expectLog('abnormal exit');
    file_put_contents("$file.new", '<?php function answer() { return 42; }');
    rename("$file.new", $file);
    $run->expect('start 42');
    $run->expect("shutdown function\n");
    echo "$what: ", $run->ask('hi'), ', exit code ', $run->stop(), ', stopped ', count($run->lines('stop')), "\n";
    $lines = preg_grep('/bootstrap|abnormal/', explode("\n", $run->log()));
    echo implode("\n", array_slice(array_unique(preg_replace(['/pid=\d+/', '/pid \d+/', '/uptime [\d.]+ s/', '/memory [\d.]+/'], '*', $lines)), 0, 3)), "\n";
}
?>
--EXPECTF--
exception: got hi, exit code 0, stopped 1
*0 ERROR bootstrap() (ERRNO 503): Fatal error: Uncaught LogicException: not today in %s/app.php:1
$0 WARNING worker(*, id=0) abnormal exit, status=255, signal=0
$0 WARNING worker 0 (*) lost: exit code 255, *, 0 requests served, last callback bootstrap, peak * MiB
parse error: got hi, exit code 0, stopped 1
*0 ERROR bootstrap() (ERRNO 503): Fatal error: Uncaught ParseError: syntax error, unexpected token "{", expecting variable in %s/app.php:1
$0 WARNING worker(*, id=0) abnormal exit, status=255, signal=0
$0 WARNING worker 0 (*) lost: exit code 255, *, 0 requests served, last callback bootstrap, peak * MiB
compile error: got hi, exit code 0, stopped 1
*0 ERROR bootstrap() (ERRNO 503): Fatal error: Cannot redeclare A::f() in %s/app.php on line 1
$0 WARNING worker(*, id=0) abnormal exit, status=255, signal=0
$0 WARNING worker 0 (*) lost: exit code 255, *, 0 requests served, last callback bootstrap, peak * MiB
fatal error: got hi, exit code 0, stopped 1
*0 ERROR bootstrap() (ERRNO 503): Fatal error: Allowed memory size of %d bytes exhausted (tried to allocate %d bytes) in %s/app.php on line 1
$0 WARNING worker(*, id=0) abnormal exit, status=255, signal=0
$0 WARNING worker 0 (*) lost: exit code 255, *, 0 requests served, last callback bootstrap, peak * MiB
missing: got hi, exit code 0, stopped 1
*0 ERROR bootstrap() (ERRNO 503): Fatal error: Uncaught Error: Failed opening required '%s/app.php' (include_path='%s') in %s/server.php:%d
$0 WARNING worker(*, id=0) abnormal exit, status=255, signal=0
$0 WARNING worker 0 (*) lost: exit code 255, *, 0 requests served, last callback bootstrap, peak * MiB
exit: got hi, exit code 0, stopped 1
*0 NOTICE bootstrap() (ERRNO 9003): worker process is terminated by exit()/die()
$0 WARNING worker(*, id=0) abnormal exit, status=3, signal=0
$0 WARNING worker 0 (*) lost: exit code 3, *, 0 requests served, last callback bootstrap, peak * MiB
