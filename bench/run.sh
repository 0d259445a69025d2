#!/usr/bin/env bash
# Builds what the benchmarks need and prints the table. Arguments go to the runner (--help lists them).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/bench # the runner compiles the bare servers itself
cc -O2 -Wall -Wextra -Werror -Iinclude -o target/bench/echo_c bench/servers/echo.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release"
cargo build --release -q -p skep --examples
cargo build --release -q -p skep-bench
exec target/release/skep-bench "$@"
