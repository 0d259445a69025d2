--TEST--
Callables are seen by the garbage collector
--DESCRIPTION--
A closure that holds the server makes a cycle; once nobody holds it, it is collected and the next server can be made.
--FILE--
<?php
function make(): WeakReference
{
    $server = new Skep\Server('127.0.0.1');
    $server->on('receive', function () use ($server) {});
    $server->on('start', function () use ($server) {});
    $server->on('start', function () use (&$server) {});
    return WeakReference::create($server);
}

$weak = make();
gc_collect_cycles();
var_dump($weak->get());
var_dump((new Skep\Server('127.0.0.1'))->port > 0);
?>
--EXPECTF--
NULL
bool(true)
