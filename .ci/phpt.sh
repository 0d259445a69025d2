#!/usr/bin/env bash
# Runs phpt/ with the runner of the installed PHP: once plain, once under opcache with JIT.
# Arguments are passed on as the tests to run (default: all).
set -euo pipefail
cd "$(dirname "$0")/.."
php=${PHP:-php}
runner=$(ls /usr/lib/php/*/build/run-tests.php 2>/dev/null | head -n 1)
[ -n "$runner" ] || { echo "run-tests.php not found: install php8.2-dev" >&2; exit 1; }
[ -f php-ext/modules/skep.so ] || { echo "php-ext/modules/skep.so is missing: make build" >&2; exit 1; }
export TEST_PHP_EXECUTABLE=$(command -v "$php")
export NO_INTERACTION=1 REPORT_EXIT_STATUS=1
tests=("${@:-phpt}")
opcache=$("$php" -r 'echo ini_get("extension_dir");')/opcache.so

run() {
    local title=$1
    shift
    echo "== phpt, $title"
    "$php" -n "$runner" -q -n --show-diff -d "extension=$PWD/php-ext/modules/skep.so" "$@" "${tests[@]}"
}

status=0
run "plain" || status=1
run "opcache with tracing JIT" -d "zend_extension=$opcache" -d opcache.enable_cli=1 \
    -d opcache.jit_buffer_size=32M -d opcache.jit=tracing || status=1
exit $status
