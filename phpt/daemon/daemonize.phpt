--TEST--
daemonize: the launcher ends with 0 when the server serves; relative paths; output goes to the log
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
chdir(getenv('SKEP_DIR'));
$server = server(['daemonize' => true, 'pid_file' => 'own.pid', 'log_file' => 'log']);
$server->on('workerStart', function ($server, $id) {
    echo "cwd ", getcwd(), ' master ', is_dir("/proc/$server->master_pid") ? 'known' : 'wrong', "\n";
});
$server->start();
PHP);
var_dump($run->daemonized('own.pid'));
var_dump($run->ask('hello'));
$run->expectLog('cwd / master known');
var_dump($run->output());
$run->kill(10);
$run->expectLog('Server is reloading all workers now');
$run->expectLog('cwd / master known', 2);
$run->stop();
var_dump($run->processes());
?>
--EXPECT--
int(0)
string(9) "got hello"
string(0) ""
array(0) {
}
