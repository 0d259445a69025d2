--TEST--
dispatch_func gets the data only if it declares a fourth parameter, and at most 8152 bytes of it
--FILE--
<?php
require __DIR__ . '/../include/harness.inc';

foreach (['$server, $fd, $type', '$server, $fd, $type, $data', '...$rest'] as $parameters) {
    $run = serve(<<<PHP
    \$server = server(['worker_num' => 2, 'dispatch_func' => function ($parameters) {
        \$data = func_get_args()[3] ?? null;
        say(func_num_args() . ' arguments, ' . (\$data === null ? 'no data' : strlen(\$data) . ' bytes'));
        return 1;
    }]);
    \$server->on('receive', fn (\$server, \$fd, \$reactor, \$data) => \$server->send(\$fd, strlen(\$data)));
    \$server->start();
    PHP);
    $socket = $run->connect();
    stream_set_chunk_size($socket, 65536);
    fwrite($socket, str_repeat('x', 20000));
    $got = 0;
    while ($got < 20000) {
        $got += (int)fread($socket, 5); // read at once or in pieces, as the network likes
    }
    $run->stop();
    foreach (array_unique(array_map(fn ($line) => preg_replace('/\d{4,} bytes/', '8152 at most', $line), $run->lines(''))) as $line) {
        echo $line === '' ? '' : "$line\n";
    }
    foreach ($run->lines('') as $line) {
        if (preg_match('/(\d+) bytes/', $line, $found) && $found[1] > 8152) {
            echo "too many: $line\n";
        }
    }
}
?>
--EXPECT--
3 arguments, no data
4 arguments, 8152 at most
3 arguments, no data
