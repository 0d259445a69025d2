--TEST--
The example of a DNS server answers as DNS does
--DESCRIPTION--
Asked with PHP's own sockets: the table, a name that is not there, other types, garbage.
--EXTENSIONS--
sockets
--FILE--
<?php
require __DIR__ . '/../include/datagrams.inc';

$example = dirname(__DIR__, 2) . '/examples/php/dns.php';
$run = serve(<<<PHP
\$argv[1] = 0;
ob_start(function (\$text) {
    if (preg_match('/listening on (.*):(\d+)/', \$text, \$found)) {
        file_put_contents(getenv('SKEP_DIR') . '/ports.new', "\$found[1] \$found[2]");
        rename(getenv('SKEP_DIR') . '/ports.new', getenv('SKEP_DIR') . '/ports');
    }
    return '';
}, 1);
require '$example';
PHP);
$peer = new Peer($run, 0);

function question(string $name, int $type = 1): string
{
    $labels = array_map(fn ($label) => chr(strlen($label)) . $label, explode('.', $name));
    return pack('nnnnnn', 0x1234, 0x0100, 1, 0, 0, 0) . implode('', $labels) . "\0" . pack('nn', $type, 1);
}

function show(string $answer, string $question): void
{
    $head = unpack('nid/nflags/nquestions/nanswers', $answer);
    printf("id %x flags %x code %d answers %d", $head['id'], $head['flags'], $head['flags'] & 15, $head['answers']);
    $question = substr($question, 12);
    echo substr($answer, 12, strlen($question)) === $question ? '' : ', not this question';
    $records = substr($answer, 12 + strlen($question));
    foreach ($records === '' ? [] : str_split($records, 16) as $record) {
        $fields = unpack('nname/ntype/nclass/Nttl/nlength', $record);
        printf(' %x %d %d %d %s', $fields['name'], $fields['type'], $fields['class'], $fields['ttl'], inet_ntop(substr($record, 12)));
    }
    echo "\n";
}

foreach ([question('one.example'), question('TWO.example'), question('three.example'), question('one.example', 28)] as $question) {
    show($peer->ask($question), $question);
}
$peer->tell('short');
$peer->tell("\x12\x34\x80\x00" . str_repeat("\0", 8)); // an answer
$broken = substr(question('one.example'), 0, 20);
show($peer->ask($broken), substr($broken, 0, 12));
echo 'exit code ', $run->stop(), "\n";
?>
--EXPECT--
id 1234 flags 8500 code 0 answers 1 c00c 1 1 60 192.0.2.1
id 1234 flags 8500 code 0 answers 2 c00c 1 1 60 192.0.2.2 c00c 1 1 60 192.0.2.22
id 1234 flags 8503 code 3 answers 0
id 1234 flags 8500 code 0 answers 0
id 1234 flags 8501 code 1 answers 0
exit code 0
