--TEST--
Skep\Client: names, constants, properties, construction, and what objects of the class refuse
--FILE--
<?php
require __DIR__ . '/../include/client.inc';

var_dump(Skep\Client::class === (new ReflectionClass('swoole_client'))->getName());
var_dump(new Swoole\Client(SWOOLE_SOCK_TCP) instanceof swoole_client);
var_dump(is_subclass_of('Swoole\Client\Exception', Swoole\Exception::class));
echo json_encode((new ReflectionClass('Skep\Client'))->getConstants()), "\n";
$client = new Skep\Client(SWOOLE_SOCK_TCP | SWOOLE_SYNC);
echo json_encode($client), "\n";
echo json_encode(new Skep\Client(SWOOLE_SOCK_TCP | SWOOLE_SSL | SWOOLE_KEEP, SWOOLE_SOCK_SYNC, 'name')), "\n";
$failures = [
    'no type' => fn () => new Skep\Client(),
    'asynchronous' => fn () => new Skep\Client(SWOOLE_SOCK_TCP, SWOOLE_SOCK_ASYNC),
    'by a flag' => fn () => new Skep\Client(SWOOLE_SOCK_TCP | SWOOLE_ASYNC),
    'unknown' => fn () => new Skep\Client(99),
    'TLS on datagrams' => fn () => new Skep\Client(SWOOLE_SOCK_UDP | SWOOLE_SSL),
    'again' => fn () => $client->__construct(SWOOLE_SOCK_TCP),
    'clone' => fn () => clone $client,
    'serialize' => fn () => serialize($client),
    'unset' => function () use ($client) { unset($client->errCode); },
    'not constructed' => fn () => (new class extends Skep\Client { public function __construct() {} })->connect('x'),
    'TLS callback' => fn () => $client->enableSSL('strlen'),
    'type' => fn () => $client->connect([]),
    'count' => fn () => $client->connect(),
];
foreach ($failures as $what => $failure) {
    try {
        $failure();
    } catch (Throwable $error) {
        echo "$what: ", get_class($error), ' ', $error->getCode(), ': ', $error->getMessage(), "\n";
    }
}
$client->mine = 1;
var_dump($client->mine);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
{"MSG_OOB":1,"MSG_PEEK":2,"MSG_DONTWAIT":64,"MSG_WAITALL":256,"SHUT_RD":0,"SHUT_WR":1,"SHUT_RDWR":2}
{"errCode":0,"sock":-1,"reuse":false,"reuseCount":0,"type":2049,"id":null,"setting":null}
{"errCode":0,"sock":-1,"reuse":false,"reuseCount":0,"type":4609,"id":"name","setting":null}
no type: Error 0: socket type param is required
asynchronous: Error 0: The $async parameter is not supported
by a flag: Error 0: The $async parameter is not supported
unknown: TypeError 0: Skep\Client::__construct() expects parameter 1 to be client type, unknown type 99 given
TLS on datagrams: TypeError 0: Skep\Client::__construct(): TLS is for streams, and the type given has datagrams
again: Error 0: Constructor of Skep\Client can only be called once
clone: Error 0: Trying to clone an uncloneable object of class Skep\Client
serialize: Exception 0: Serialization of 'Skep\Client' is not allowed
unset: Error 0: Property errCode of class Skep\Client cannot be unset
not constructed: Skep\Error 509: must call constructor first
TLS callback: Skep\Exception 505: sync client does not support `onSslReady` callback
type: TypeError 0: Skep\Client::connect(): Argument #1 ($host) must be of type string, array given
count: ArgumentCountError 0: Skep\Client::connect() expects at least 1 argument, 0 given
int(1)
