--TEST--
swoole_get_local_ip, swoole_get_local_mac, swoole_hashcode, swoole_clear_dns_cache
--FILE--
<?php
$up = [];
foreach (net_get_interfaces() as $name => $interface) {
    if (!$interface['up'] || $name === 'lo') {
        continue;
    }
    $up[] = $name;
    foreach ($interface['unicast'] ?? [] as $address) {
        isset($address['address']) && $addresses[$address['family']][$name][] = $address['address'];
    }
}
foreach ([2, 10] as $family) {
    $found = swoole_get_local_ip($family);
    $expected = array_keys($addresses[$family] ?? []);
    sort($expected);
    var_dump(array_keys($found) === $expected);
    foreach ($found as $name => $address) {
        in_array($address, $addresses[$family][$name]) || print("$name $address\n");
    }
}
var_dump(swoole_get_local_ip() === swoole_get_local_ip(2), swoole_get_local_ip(1), swoole_get_local_ip(PHP_INT_MAX));
foreach (swoole_get_local_mac() as $name => $address) {
    $file = @file_get_contents("/sys/class/net/$name/address");
    in_array($name, $up) && preg_match('/^[0-9A-F]{2}(:[0-9A-F]{2}){5}$/', $address) && (!$file || strtoupper(trim($file)) === $address)
        || print("$name $address\n");
}
foreach (['', 'a', 'skep', str_repeat("\0\xff", 5000)] as $data) {
    $expected = unpack("J", hash("xxh64", $data, true))[1] & PHP_INT_MAX;
    var_dump(swoole_hashcode($data) === $expected, swoole_hashcode($data, 0) >= 0, swoole_hashcode($data, 1) === crc32($data));
}
var_dump(swoole_hashcode('a', 2), swoole_hashcode('a', -1), swoole_clear_dns_cache());
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
array(0) {
}
array(0) {
}
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(false)
bool(false)
NULL
