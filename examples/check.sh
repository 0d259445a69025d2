#!/usr/bin/env bash
# The examples at work: each is started, talked to by a real client, and stopped. One line per example; the first
# that does something else ends the run, with what was seen and the server's log.
#
#     examples/check.sh            needs `make build` and target/release/examples
set -euo pipefail
cd "$(dirname "$0")/.."

export LC_ALL=C # the system's messages are compared
php=${PHP:-php}
target=${TARGET:-target}
dir=$(mktemp -d)
log=$dir/log
server=0
answers=()
helpers=() # servers and clients besides the example at hand

finish() {
    status=$?
    for pid in "$server" "${helpers[@]}"; do
        [ "$pid" -gt 0 ] && kill -KILL "$pid" 2>/dev/null
    done
    if [ "$status" -ne 0 ]; then
        echo "examples: FAILED at ${what:-the start}; the server said:" >&2
        cat "$dir"/*log >&2 || true
    fi
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT

fail() {
    echo "examples: $1" >&2
    exit 1
}
# within SECONDS COMMAND...: repeat until it succeeds
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}
# The process and all below it.
tree() {
    echo "$1"
    local child
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
}
# start COMMAND...: an example, until it listens; its address is in $host and $port, or $path.
start() {
    : >"$log"
    "$@" >>"$log" 2>&1 &
    server=$!
    within 20 grep -q '^try: ' "$log" || fail "the server did not start"
    local address
    address=$(sed -n 's/^listening on \([^ ,]*\).*/\1/p' "$log")
    path=$address host=${address%:*} port=${address##*:}
}
php_example() { # NAME ARGUMENTS...
    what=php/$1
    start "$php" -n -d extension=php-ext/modules/skep.so "examples/php/$1" "${@:2}"
}
c_example() { # NAME ARGUMENTS...
    what=c/$1.c
    c_program "$1"
    start "$dir/$1" "${@:2}"
}
c_program() { # NAME
    # shellcheck disable=SC2086 # flags are words
    ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror ${CFLAGS:-} -Iinclude "examples/c/$1.c" -o "$dir/$1" \
        -L"$target/release" -lskep -Wl,-rpath,"$(realpath "$target")/release"
}
rust_example() { # NAME ARGUMENTS...
    what=rust/$1.rs
    start "$target/release/examples/$1" "${@:2}"
}
# stop WHAT WAS SHOWN: the server ends in good order and leaves nothing.
stop() {
    local code=0 pid processes
    processes=$(tree "$server")
    kill -TERM "$server"
    within 10 gone "$server" || fail "the server does not stop"
    wait "$server" || code=$?
    server=0
    [ "$code" -eq 0 ] || fail "exit code $code"
    for pid in $processes; do [ ! -d "/proc/$pid" ] || fail "process $pid is left"; done
    ! grep -qE 'WARNING|ERROR|Warning|Fatal' "$log" || [ "${2:-}" = warns ] || fail "the log has a warning"
    printf '  %-22s %s\n' "$what" "$1"
}
gone() { # an ended child stays as a zombie until it is waited for
    [ ! -d "/proc/$1" ] || grep -q '^State:.*zombie' "/proc/$1/status" 2>/dev/null
}
# expect GOT WANTED
expect() { [ "$1" = "$2" ] || fail "$(printf 'expected:\n%s\nreceived:\n%s' "$2" "$1")"; }
# To the server and back: standard input is sent, with what comes back until the server closes.
client() { timeout 10 nc -N "$host" "$port"; }

# --- chat: three clients over named pipes, so that each says its line when the others are there

join() { # NAME
    mkfifo "$dir/$1.says"
    timeout 60 "$php" -n examples/php/chat_client.php "$port" "$host" "$1" <"$dir/$1.says" >"$dir/$1.hears" 2>&1 &
    helpers+=($!)
}
hears() { within 10 grep -sqxF -- "$2" "$dir/$1.hears" || fail "$1 did not hear '$2' but: $(cat "$dir/$1.hears")"; }
chat() {
    local red blue green member
    # Each begins when the other end of its pipe is opened. One that was started after that would have the end, too.
    for member in red blue green; do join "$member"; done
    exec {red}>"$dir/red.says"
    hears red '* red is here'
    exec {blue}>"$dir/blue.says"
    hears red '* blue is here'
    exec {green}>"$dir/green.says"
    for member in red blue green; do hears "$member" '* green is here'; done
    echo 'hello all' >&"$red"
    for member in red blue green; do hears "$member" 'red: hello all'; done
    exec {blue}>&-
    for member in red green; do hears "$member" '* blue has left'; done
    expect "$(printf '\0\0\0\11bad name\n' | client | od -c)" "$(od -c </dev/null)"
    # A client of printf: the name and the text in one piece, and it leaves at once.
    printf '\0\0\0\6yellow\0\0\0\2hi' | client >/dev/null
    for member in red green; do hears "$member" 'yellow: hi' && hears "$member" '* yellow has left'; done
    exec {red}>&- {green}>&-
    for member in "${helpers[@]}"; do wait "$member" || fail "a client ended badly"; done
    helpers=()
    expect "$(cat "$dir/blue.hears")" $'* blue is here\n* green is here\nred: hello all'
    rm "$dir"/*.says "$dir"/*.hears
    stop '3 clients of its own and nc: names, broadcast'
}
php_example chat.php 0
chat
c_example chat 0
chat

# --- lines

lines() {
    expect "$(printf '6 * 7\n1+1\r\n7 / 0\n999999999999 * 999999999999\n-6 - -8\nsix\n' | client 2>&1)" \
        "$(printf '%s\n' 42 2 'error: division by zero' 'error: too large' 2 'error: expected something like 6 * 7')"
    # A client that stays, and is sent away.
    local talk
    exec {talk}<>"/dev/tcp/$host/$port"
    printf '6 ' >&"$talk"
    sleep 0.1
    printf '* 7\nquit\n' >&"$talk"
    expect "$(timeout 10 cat <&"$talk")" $'42\nbye'
    exec {talk}>&-
}
php_example lines.php 0
lines
calculate() { timeout 10 "$php" -n -d extension=php-ext/modules/skep.so examples/php/client.php "$port" "$host" 2>&1; }
expect "$(printf '6 * 7\n7 / 0\n1+1' | calculate)" "$(printf '%s\n' 42 'error: division by zero' 2)"
expect "$(printf 'quit\n1+1\n' | calculate)" $'bye\nno answer: the server has closed'
printf '  %-22s %s\n' php/client.php 'with lines.php: answers, and the end'
backend=$server
helpers=("$backend")

# The gateway, with the calculator behind it: two servers at a time.
log=$dir/gateway.log
php_example gateway.php 0 127.0.0.1 "$port"
gateway=$server
for _ in 1 2 3 4; do
    expect "$(printf '6 * 7\n8 * 9\n1 + 1\n' | client)" $'42\n72\n2'
done
server=$backend helpers=("$gateway") log=$dir/log what=php/lines.php
stop 'nc: lines in one piece and in several, errors, quit'
server=$gateway helpers=() log=$dir/gateway.log what=php/gateway.php
expect "$(echo '6 * 7' | client)" 'error: Connection refused'
stop 'nc: answers of lines.php, in order; without it, an error'
rm "$log"
log=$dir/log

# Answers come when their tasks are through, so the client must stay: bash's own.
php_example tasks.php 0
exec {tcp}<>"/dev/tcp/$host/$port"
printf 'find 24fe\nhash zoo\n' >&"$tcp"
for _ in 1 2; do
    read -r -t 20 answer <&"$tcp" || fail 'no answer of a task'
    answers+=("$answer")
done
expect "$(printf '%s\n' "${answers[@]}" | sort)" $'24fe\nlbi zoo'
printf 'both 32e8 1234\nwhat\n' >&"$tcp"
for wanted in '[["ai","qty","yeq"],[]]' 'error: hash, find or both'; do
    read -r -t 20 answer <&"$tcp" || fail 'no answer of two tasks'
    expect "$answer" "$wanted"
done
exec {tcp}>&-
stop 'bash: a task for each question, two at once'

key=$((0x5c000000 + $$ % 65536))
feed() { "$php" -n -d extension=php-ext/modules/skep.so examples/php/feed.php "$key" "$1"; }
feed 'while nobody is there'
php_example jobs.php 0 127.0.0.1 "$key"
feed 'paint the fence'
both_done() { [ "$(client </dev/null)" = '2 done, 0 in the queue' ]; }
within 10 both_done || fail "not done: $(client </dev/null)"
stop 'feed.php: jobs of another program, by a message queue'
ipcrm -Q "$key"

rust_example lines 0
lines
stop 'nc: the same'

# --- tasks in C and Rust

factors() {
    local talk one two three
    exec {talk}<>"/dev/tcp/$host/$port"
    printf '1000036000099\n91\n97\n' >&"$talk"
    read -r -t 10 one <&"$talk" && read -r -t 10 two <&"$talk" && read -r -t 10 three <&"$talk" || fail "an answer is missing"
    expect "$(printf '%s\n' "$one" "$two" "$three" | sort)" \
        "$(printf '%s\n' '1000036000099 = 1000003 x 1000033' '91 = 7 x 13' '97 has no factors')"
    exec {talk}>&-
    stop 'factors from task workers'
}
c_example tasks 0
factors
rust_example tasks 0
factors

# Tasks of another program, each for one task worker.
c_program feed
key=$((0x5d000000 + $$ % 65536))
"$dir/feed" "$key" 'while nobody is there' 0
c_example jobs 0 127.0.0.1 "$key"
"$dir/feed" "$key" 'paint the fence' 1
"$dir/feed" "$key" 'mow the lawn' 1
three_done() { [ "$(client </dev/null)" = 'done: 1 and 2, in the queue: 0' ]; }
within 10 three_done || fail "not done: $(client </dev/null)"
for line in 'task worker 0: while nobody is there' 'task worker 1: paint the fence' 'task worker 1: mow the lawn'; do
    grep -qxF "$line" "$log" || fail "no '$line'"
done
stop 'feed.c: jobs of another program, each to its task worker'
ipcrm -Q "$key"

# --- messages: every worker answers from its own memory

words() {
    local manager worker
    expect "$(printf 'color red\ncolor\n' | client | sed 's/ (worker .)//')" $'ok\nred'
    all_say() { # each worker, and the connections go round
        [ "$(for _ in {1..12}; do echo color | client; done | sort -u)" = "$1 (worker 0)
$1 (worker 1)
$1 (worker 2)" ]
    }
    within 20 all_say red || fail 'not all workers have heard'
    echo 'color blue' | client >/dev/null
    within 20 all_say blue || fail 'not all workers have heard the second word'
    manager=$(cat /proc/"$server"/task/"$server"/children)
    worker=$(cut -d ' ' -f 2 /proc/"${manager% }"/task/"${manager% }"/children)
    kill -KILL "$worker"
    within 20 all_say blue || fail 'the one that came later was not told'
    expect "$(echo taste | client | sed 's/ (worker .)//')" unknown
    stop 'nc: what one worker is told all know, one that came later too' warns
}
c_example messages 0
words
rust_example messages 0
words

# --- registry

php_example registry.php 0
exec {one}<>"/dev/tcp/$host/$port"
exec {two}<>"/dev/tcp/$host/$port"
hear() { # FROM WANTED: the next line of a connection
    local line
    read -r -t 10 line <&"$1" || fail "nothing came instead of '$2'"
    expect "$line" "$2"
}
echo 'I am red' >&"$one" && hear "$one" 'hello red'
echo 'I am red' >&"$two" && hear "$two" 'error: the name is taken'
echo 'I am blue' >&"$two" && hear "$two" 'hello blue'
echo 'tell red good morning' >&"$two" && hear "$two" 'told' && hear "$one" 'blue: good morning'
echo 'who' >&"$one" && hear "$one" 'blue 1, red 1'
exec {two}>&-
left() {
    echo 'tell blue are you there' >&"$one"
    read -r -t 10 line <&"$one" && [ "$line" = 'error: nobody of that name' ]
}
within 10 left || fail "blue is still known"
exec {one}>&-
stop 'two connections: names known to all workers, on a table'

# --- the others

php_example dns.php 0
# id 1234, a question, one.example, A, IN
question='\x12\x34\1\0\0\1\0\0\0\0\0\0\3one\7example\0\0\1\0\1'
answer=$(printf "$question" | timeout 10 socat -t 5 -T 5 - "UDP:$host:$port,readbytes=45" | od -An -tx1 | tr -d ' \n')
expect "${answer:0:24} ${answer: -8}" '123485000001000100000000 c0000201'
stop 'socat: the address of one.example'

certificate=(-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost
    -addext subjectAltName=DNS:localhost -keyout "$dir/key.pem" -out "$dir/cert.pem")
openssl req "${certificate[@]}" 2>"$dir/openssl.log" || fail "no certificate"
php_example tls.php 0 127.0.0.1 "$dir/cert.pem" "$dir/key.pem"
for version in tls1_2 tls1_3; do
    mkfifo "$dir/in"
    timeout 20 openssl s_client -quiet "-$version" -CAfile "$dir/cert.pem" -verify_return_error -verify_hostname localhost \
        -servername localhost -connect "$host:$port" <"$dir/in" >"$dir/out" 2>"$dir/openssl.log" &
    helpers=($!)
    exec {in}>"$dir/in"
    echo "over $version" >&"$in"
    within 10 grep -qx "over $version" "$dir/out" || fail "no echo over $version"
    exec {in}>&-
    kill "${helpers[0]}" 2>/dev/null || true
    wait "${helpers[0]}" || true
    helpers=()
    rm "$dir/in"
done
stop 'openssl s_client: echo over TLS 1.2 and 1.3, certificate checked'

php_example unix.php "$dir/example.sock"
expect "$path" "$dir/example.sock"
expect "$(stat -c %a "$path")" 600
expect "$(printf 'hello\nworld\n' | timeout 10 nc -NU "$path")" $'olleh\ndlrow'
expect "$(echo socat | timeout 10 socat -t 5 - "UNIX-CONNECT:$path")" tacos
stop 'nc -U and socat: lines turned round, rights of the file'
[ ! -e "$path" ] || fail "$path is left"

push() {
    (sleep 0.5; echo hello) | timeout 10 nc -q 1 "$host" "$port" >"$dir/out"
    grep -qx 'you said hello' "$dir/out" || fail "no answer: $(cat "$dir/out")"
    [ "$(grep -cE '^[0-9]{2}:[0-9]{2}:[0-9]{2}$' "$dir/out")" -ge 3 ] || fail "nothing was pushed: $(cat "$dir/out")"
    stop 'nc: an answer, and the time pushed by timers'
}
php_example push.php 0 50
push
c_example push 0 50
push
rust_example push 0 50
push

php_example ticker.php 0 50
(sleep 0.3; echo faster; sleep 0.3) | timeout 10 nc -q 1 "$host" "$port" >"$dir/out"
grep -qx 'you said faster' "$dir/out" || fail "no answer: $(cat "$dir/out")"
[ "$(grep -cE '^[0-9]{2}:[0-9]{2}:[0-9]{2}$' "$dir/out")" -ge 3 ] || fail "nothing was pushed: $(cat "$dir/out")"
stop 'nc: the time pushed by a user process'

pool() {
    ask() { timeout 10 nc -NU "$path" | tail -c +5; }
    expect "$(printf '\0\0\0\11two words' | ask)" '2 words'
    expect "$(printf '\0\0\0\0' | ask)" '0 words'
    expect "$(printf '\377\0\0\0' | ask)" ''
    kill -USR1 "$server"
    for _ in 1 2 3 4 5; do
        expect "$(printf '\0\0\0\5three' | ask)" '1 words'
    done
    stop 'nc -U: requests of workers without a server, also during a reload'
    [ ! -e "$path" ] || fail "$path is left"
}
php_example pool.php "$dir/pool.sock"
pool
rust_example pool "$dir/pool.sock"
pool

php_example behind_proxy.php 0
expect "$(printf 'PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\nhello\n' | client)" 'you are 192.0.2.7:4711 and said hello'
# Version 2: signature, version and command, TCP over IPv6, length 36, two addresses, two ports.
version2='\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24 \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\7'
version2+=' \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x12\x67\0\x50'
expect "$(printf "${version2}hello\n" | client)" 'you are 2001:db8::7:4711 and said hello'
expect "$(echo hello | client)" ''
stop 'nc with headers of version 1 and 2; without one, turned away' warns

php_example redis.php 0
redis() { timeout 10 redis-cli -h "$host" -p "$port" "$@"; }
expect "$(redis ping)" PONG
expect "$(redis echo 'two words')" 'two words'
expect "$(redis set color red)" OK
expect "$(redis get color)" red
expect "$(redis incr 7)$(redis incr 7)" 12
expect "$(redis incr color)" 'ERR value is not an integer or out of range'
expect "$(redis exists color 7 none) $(redis del color none) $(redis get color) $(redis dbsize)" '2 1  1'
expect "$(redis nonsense)" 'ERR unknown command'
head -c 300000 /dev/urandom | base64 -w 0 >"$dir/value" # more than one read brings
expect "$(redis -x set large <"$dir/value")" OK
redis get large | head -c -1 | cmp - "$dir/value" || fail "the value has changed"
expect "$(printf 'set a 1\nincr a\nget a\n' | redis)" $'OK\n2\n2'
for i in {1..1000}; do printf '*2\r\n$4\r\nincr\r\n$5\r\ncount\r\n'; done >"$dir/pipeline"
redis --pipe <"$dir/pipeline" >"$dir/out" || fail "$(cat "$dir/out")"
expect "$(redis get count)" 1000
expect "$(printf '*1\r\nping\r\n' | client)" $'-ERR Protocol error: expected $\r'
stop 'redis-cli: values of any size, counters, 1000 requests in a pipeline'

mkdir "$dir/files"
head -c 5000000 /dev/urandom >"$dir/files/large"
: >"$dir/files/empty"
echo secret >"$dir/secret"
ln -s ../secret "$dir/files/link"
php_example files.php 0 127.0.0.1 "$dir/files"
echo large | client >"$dir/out"
expect "$(head -n 1 "$dir/out")" 'ok 5000000'
tail -n +2 "$dir/out" | cmp - "$dir/files/large" || fail "the file has changed"
expect "$(echo empty | client)" 'ok 0'
for name in ../secret link none . '' "$dir/secret" files/../../secret; do
    expect "$(echo "$name" | client)" 'error: no such file'
done
stop 'nc and cmp: 5 MB, an empty file; nothing from outside of the directory'

# --- their command lines

what=--help
for example in chat.php chat_client.php lines.php dns.php tls.php unix.php pool.php behind_proxy.php gateway.php tasks.php jobs.php feed.php redis.php files.php; do
    "$php" -n -d extension=php-ext/modules/skep.so "examples/php/$example" --help | grep -q "examples/php/$example \[" ||
        fail "$example --help does not say how to use it"
    code=0
    "$php" -n -d extension=php-ext/modules/skep.so "examples/php/$example" 1 2 3 4 5 6 2>"$dir/out" || code=$?
    expect "$code $(grep -c usage: "$dir/out")" '2 1'
done
for example in "$dir"/{chat,messages,push,jobs,feed} "$target"/release/examples/{lines,messages,push,pool}; do
    "$example" --help | grep -q "${example##*/} \[" || fail "$example --help does not say how to use it"
    code=0
    "$example" -nonsense 2>"$dir/out" || code=$?
    expect "$code" 2
done
printf '  %-22s %s\n' "$what" 'and arguments that make no sense'
