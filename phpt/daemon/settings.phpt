--TEST--
Settings of the log and of the daemon: what is refused and what is taken
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

$run = serve(<<<'PHP'
set_error_handler(fn ($level, $text) => say($text));
$server = server();
$cpus = swoole_cpu_num();
say(var_export($server->set(['cpu_affinity_ignore' => range(0, $cpus - 1)]), true));
say(var_export($server->set(['cpu_affinity_ignore' => [-1]]), true));
say(var_export($server->set(['cpu_affinity_ignore' => []]), true));
say(var_export($server->set(['log_format' => 'xml']), true));
say(var_export($server->set(['log_date_format' => str_repeat('%F', 100)]), true));
say(var_export($server->set(['log_date_format' => 'D', 'log_date_with_microseconds' => true, 'log_rotation' => 0]), true));
$server->on('start', fn ($server) => $server->shutdown());
$server->start();
PHP);
echo $run->wait(), "\n", preg_replace('/\(\d+\)/', '(n)', $run->output());
$log = file_get_contents(glob(sys_get_temp_dir() . '/skep-' . getmypid() . '-*/log')[0]);
echo preg_match('/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d %\d+\.0\]\tWARNING\tset\(\) \(ERRNO 505\): The date format string\[length=200\] is too long$/m', $log), "\n";
echo preg_match('/^\[D<\.\d+> #\d+\.0\]\tINFO\tServer is shutdown now$/m', $log), "\n";
?>
--EXPECT--
0
Skep\Server::set(): cpu_affinity_ignore num must be less than cpu num (n)
false
Skep\Server::set(): cpu_affinity_ignore: there is no CPU -1
false
true
Skep\Server::set(): log_format 'xml' is not known, use text or json
false
true
true
1
1
