#!/usr/bin/env bash
# Builds what the benchmarks need and prints the table. Arguments go to the runner (--help lists them).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/bench # the runner compiles the bare servers itself
for name in echo tasks; do
    cc -O2 -Wall -Wextra -Werror -Iinclude -o "target/bench/${name}_c" "bench/servers/$name.c" \
        -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release"
done
cargo build --release -q -p skep --examples
cargo build --release -q -p skep-bench
exec target/release/skep-bench "$@"
