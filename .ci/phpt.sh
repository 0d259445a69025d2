#!/usr/bin/env bash
# Runs phpt/ with the runner of the installed PHP: plain, under opcache with the tracing JIT, and with the
# function JIT. With --xdebug first: once, under xdebug, instead. Further arguments are passed on as the
# tests to run (default: all).
set -euo pipefail
cd "$(dirname "$0")/.."
php=${PHP:-php}
runner=$(ls /usr/lib/php/*/build/run-tests.php 2>/dev/null | head -n 1)
[ -n "$runner" ] || { echo "run-tests.php not found: install php8.2-dev" >&2; exit 1; }
[ -f php-ext/modules/skep.so ] || { echo "php-ext/modules/skep.so is missing: make build" >&2; exit 1; }
export TEST_PHP_EXECUTABLE=$(command -v "$php")
export NO_INTERACTION=1 REPORT_EXIT_STATUS=1
extensions=$("$php" -r 'echo ini_get("extension_dir");')
xdebug=
[ "${1:-}" != --xdebug ] || { xdebug=1; shift; }
tests=("${@:-phpt}")

run() {
    local title=$1
    shift
    echo "== phpt, $title"
    "$php" -n "$runner" -q -n --show-diff -d "extension=$PWD/php-ext/modules/skep.so" "$@" "${tests[@]}"
}

if [ -n "$xdebug" ]; then
    [ -f "$extensions/xdebug.so" ] || { echo "xdebug.so not found: make test-xdebug installs it" >&2; exit 1; }
    # Nobody listens for a debugger, so the tests must not wait for one, nor be told that there is none.
    run "xdebug" -d "zend_extension=$extensions/xdebug.so" -d xdebug.mode=develop,debug,coverage \
        -d xdebug.start_with_request=no -d xdebug.cli_color=0 -d html_errors=0
    exit
fi

status=0
run "plain" || status=1
for jit in tracing function; do
    run "opcache with $jit JIT" -d "zend_extension=$extensions/opcache.so" -d opcache.enable_cli=1 \
        -d opcache.jit_buffer_size=32M -d "opcache.jit=$jit" || status=1
done
exit $status
