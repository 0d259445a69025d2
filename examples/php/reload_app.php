<?php
// The bootstrap file of reload.php: change the greeting, send USR1, ask again.

const GREETING = 'hello';

function handle(Skep\Server $server, int $fd, int $reactor, string $data): void
{
    $server->send($fd, GREETING . ', ' . trim($data) . "\n");
}
