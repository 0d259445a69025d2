--TEST--
stats_file: JSON, PHP and plain lines
--DESCRIPTION--
Written by the master, whole at every moment, and once more at the end of the stop. A relative path means the
directory in which it was set.
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['stats.json', 'stats.php', 'stats'] as $name) {
    $run = serve(<<<'PHP'
    $server = server(['stats_file' => getenv('NAME'), 'stats_timer_interval' => 10]);
    say('in ' . getcwd());
    chdir('/');
    $server->start();
    PHP, env: ['NAME' => $name]);
    $run->expect('in /');
    $file = $run->lines('in ')[0] . "/$name";
    $read = fn () => match (true) {
        !is_file($file) => null,
        $name === 'stats.json' => json_decode(file_get_contents($file), true, flags: JSON_THROW_ON_ERROR),
        $name === 'stats.php' => (function () use ($file) {
            $text = file_get_contents($file);
            assert(str_starts_with($text, "<?php\nreturn array ("));
            return eval(substr($text, 6));
        })(),
        default => array_column(array_map(fn ($line) => explode(': ', $line), file($file, FILE_IGNORE_NEW_LINES)), 1, 0),
    };
    $run->ask('x');
    $stats = eventually(fn () => ($stats = $read()) && $stats['request_count'] == 1 ? $stats : null);
    $keys = array_keys($stats);
    echo "$name: ", implode(' ', array_slice($keys, 0, 4)), ' ...', implode(' ', ['', ...preg_grep('/^w.*\.(pid|state)/', $keys)]),
        " $stats[phase] ", var_export($stats['ready'], true), ' ', gettype($stats['start_time']), "\n";
    if (isset($stats['workers'])) {
        echo implode(' ', array_keys($stats['workers'][0])), "\n";
    }
    $run->kill(15);
    $run->expectLog('Server is shutdown now');
    $last = eventually(fn () => ($stats = $read())['phase'] === 'stopped' ? $stats : null);
    echo 'then ', $last['phase'], ' ', json_encode($last['ready']), ' exit code ', $run->wait(), ' ', json_encode(glob("$file*") === [$file]), "\n";
}
?>
--EXPECT--
stats.json: start_time connection_num abort_count accept_count ... serving true integer
pid state busy_ms callback fd served restarts rss_bytes queue_depth queue_age_ms
then stopped false exit code 0 true
stats.php: start_time connection_num abort_count accept_count ... serving true integer
pid state busy_ms callback fd served restarts rss_bytes queue_depth queue_age_ms
then stopped false exit code 0 true
stats: start_time connection_num abort_count accept_count ... workers.0.pid workers.0.state serving '1' string
then stopped "0" exit code 0 true
