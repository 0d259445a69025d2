<?php
// An echo server of which one worker at a time can be blocked: a message "block <seconds>" is echoed,
// and then its worker sleeps.
//
//     blocking.php [key=value ...]
require __DIR__ . '/server.php';

$settings = array_slice($argv, 1);
if (in_array('dispatch_mode=11', $settings, true) && !defined('SKEP_DISPATCH_ADAPTIVE')) {
    skip('no constant SKEP_DISPATCH_ADAPTIVE');
}
$server = server('tcp', $settings);
$server->on('receive', function ($server, $fd, $reactorId, $data) {
    $server->send($fd, $data);
    if (str_starts_with($data, 'block ')) {
        usleep((int) (1e6 * (float) substr($data, 6)));
    }
});
$server->start();
