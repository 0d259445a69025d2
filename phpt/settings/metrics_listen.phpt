--TEST--
metrics_listen: an HTTP endpoint beside the server
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

function get(string $path): string
{
    global $place;
    $context = stream_context_create(['http' => ['ignore_errors' => true, 'timeout' => DEADLINE]]);
    return (string)@file_get_contents("$place$path", context: $context);
}

$run = serve(<<<'PHP'
$server = server();
$server->set(['metrics_listen' => 'nowhere']);
$server->set(['metrics_listen' => '127.0.0.1:0']);
$server->start();
say('over');
PHP);
$run->expectLog('metrics on http://');
preg_match('~metrics on (http://[\d.:]+)/metrics~', $run->log(), $found);
$place = $found[1];
$run->ask('x');
eventually(fn () => get('/readyz') === "ok\n");
eventually(fn () => str_contains(get('/metrics'), "\nskep_requests_total 1\n"));
foreach (['/healthz', '/readyz', '/nothing'] as $path) {
    echo "$path: ", get($path);
}
echo implode("\n", preg_grep('/^skep_(requests|worker_restarts|ready)/', explode("\n", get('/metrics')))), "\n";
echo 'exit code ', $run->stop(), $run->output();
echo json_encode(get('/healthz')), "\n";
?>
--EXPECTF--
/healthz: ok
/readyz: ok
/nothing: there are /metrics, /healthz and /readyz
skep_ready 1
skep_requests_total 1
skep_requests_lost_total 0
skep_worker_restarts_total{worker="0"} 0
exit code 0
%smetrics_listen 'nowhere' is not host:port or unix:/path in %s on line %d
over
""
