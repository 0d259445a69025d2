#!/usr/bin/env bash
# A PHP server at work, shown by itself: start, a real client, the process tree, a worker killed and
# replaced, a reload, a stop. Ends by itself; non-zero if anything shown did not happen.
set -euo pipefail
cd "$(dirname "$0")/.."

php=${PHP:-php}
log=$(mktemp)
server=0

finish() {
    status=$?
    [ "$server" -gt 0 ] && kill -KILL "$server" 2>/dev/null
    if [ "$status" -ne 0 ]; then
        echo "demo: FAILED; the server said:" >&2
        cat "$log" >&2
    fi
    rm -f "$log"
    exit "$status"
}
trap finish EXIT

say() { printf '\n\033[1m== %s\033[0m\n' "$1"; }
fail() {
    echo "demo: $1" >&2
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
children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
manager() { children "$server" | tr -d ' '; }
workers() { children "$(manager)"; }
ask() { # one request, one answer
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf '%s' "$1" >&3
    read -r -t 3 -N $((${#1} + 4)) answer <&3 || fail "no answer to '$1'"
    exec 3>&-
    echo "  sent '$1', received '$answer'"
    [ "$answer" = "got $1" ] || fail "expected 'got $1'"
}

say "start: examples/php/echo.php (2 reactor threads, 4 workers)"
"$php" -n -d extension=php-ext/modules/skep.so examples/php/echo.php 0 >"$log" 2>&1 &
server=$!
within 10 grep -q listening "$log" || fail "the server did not start"
cat "$log"
port=$(sed -n 's/^listening on 127.0.0.1:\([0-9]*\),.*/\1/p' "$log")

say "a client over TCP"
ask "hello"
ask "again"

say "the process tree: master with 2 reactor threads, manager, 4 workers"
pstree -pt "$server"
[ "$(workers | wc -w)" -eq 4 ] || fail "expected 4 workers"
[ "$(ls "/proc/$server/task" | wc -l)" -eq 3 ] || fail "expected 3 threads in the master"

say "kill -9 a worker: replaced, the server goes on"
victim=$(workers | cut -d' ' -f1)
kill -KILL "$victim"
replaced() { [ "$(workers | wc -w)" -eq 4 ] && ! workers | grep -qw "$victim"; }
within 5 replaced || fail "worker $victim was not replaced"
grep "pid=$victim" "$log" || fail "no line in the log"
echo "  workers now: $(workers)"
ask "still here"

say "reload (kill -USR1): all workers replaced, one after the other"
before=$(workers)
kill -USR1 "$server"
renewed() {
    [ "$(workers | wc -w)" -eq 4 ] || return 1
    local pid
    for pid in $before; do workers | grep -qw "$pid" && return 1; done
    return 0
}
within 10 renewed || fail "workers were not renewed"
grep reloading "$log"
echo "  workers before: $before"
echo "  workers now:    $(workers)"
ask "after the reload"

say "stop (kill -TERM)"
tree="$server $(manager) $(workers)"
kill -TERM "$server"
code=0
wait "$server" || code=$?
server=0
grep shutdown "$log"
for pid in $tree; do [ ! -d "/proc/$pid" ] || fail "process $pid is left"; done
[ "$code" -eq 0 ] || fail "exit code $code"
echo "  exit code 0, no process left"

say "all of it happened"
