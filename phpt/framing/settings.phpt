--TEST--
Settings of the framings: what is refused, with which text
--DESCRIPTION--
A refused call changes nothing. The letters i and I of pack() have no fixed size and are refused, too.
--FILE--
<?php
$server = new Skep\Server('127.0.0.1');
foreach ([
    ['package_eof' => ''], ['package_eof' => '123456789'], ['package_eof' => '12345678'], ['package_eof' => "\xff\0"],
    ['package_length_type' => 'i'], ['package_length_type' => 'I'], ['package_length_type' => ''], ['package_length_type' => 'Nothing'],
    ['package_length_offset' => 8153], ['package_length_offset' => 8152], ['package_length_offset' => -1],
    ['package_body_offset' => 8153], ['package_body_start' => 8153], ['package_body_start' => 8152],
    ['package_max_length' => '2Q'], ['package_max_length' => 1], ['package_length_func' => 'nofn'], ['package_length_func' => 'strlen'],
] as $settings) {
    swoole_clear_error();
    echo json_encode($settings, JSON_INVALID_UTF8_SUBSTITUTE), ' ';
    echo json_encode($server->set($settings)), ' ', swoole_last_error(), "\n";
}
?>
--EXPECTF--
{"package_eof":""} 
Warning: Skep\Server::set(): package_eof cannot be an empty string in %s on line 12
false 505
{"package_eof":"123456789"} 
Warning: Skep\Server::set(): package_eof max length is 8 in %s on line 12
false 505
{"package_eof":"12345678"} true 0
{"package_eof":"\ufffd\u0000"} true 0
{"package_length_type":"i"} 
Warning: Skep\Server::set(): unknown package_length_type, see pack(). Link: https://php.net/pack in %s on line 12
false 505
{"package_length_type":"I"} 
Warning: Skep\Server::set(): unknown package_length_type, see pack(). Link: https://php.net/pack in %s on line 12
false 505
{"package_length_type":""} 
Warning: Skep\Server::set(): unknown package_length_type, see pack(). Link: https://php.net/pack in %s on line 12
false 505
{"package_length_type":"Nothing"} true 0
{"package_length_offset":8153} 
Warning: Skep\Server::set(): 'package_length_offset' value is too large in %s on line 12
false 505
{"package_length_offset":8152} true 0
{"package_length_offset":-1} true 0
{"package_body_offset":8153} 
Warning: Skep\Server::set(): 'package_body_offset' value is too large in %s on line 12
false 505
{"package_body_start":8153} 
Warning: Skep\Server::set(): 'package_body_offset' value is too large in %s on line 12
false 505
{"package_body_start":8152} true 0
{"package_max_length":"2Q"} 
Warning: Skep\Server::set(): failed to parse '2Q' to size in %s on line 12
false 505
{"package_max_length":1} true 0
{"package_length_func":"nofn"} 
Warning: Skep\Server::set(): function 'nofn' is not callable in %s on line 12
true 503
{"package_length_func":"strlen"} true 0
