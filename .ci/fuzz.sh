#!/usr/bin/env bash
# Runs each fuzz target of engine/fuzz for FUZZ_SECONDS (60 unless set), or only those named as arguments. Inputs worth
# keeping and inputs that fail are under target/fuzz; a failing one is run again with
#     RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir engine/fuzz <target> <file>
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
seconds=${FUZZ_SECONDS:-60}
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
export RUSTC_BOOTSTRAP=1 # the fuzzer's flags are unstable ones; the toolchain stays the stable one
cargo_fuzz() { cargo fuzz "$1" --fuzz-dir engine/fuzz --target-dir "$work/build" "${@:2}"; }

cargo fetch --locked --manifest-path engine/fuzz/Cargo.toml # the lock file says what is built
cargo_fuzz build
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list --fuzz-dir engine/fuzz)

failed=0
summary=()
for target in "${targets[@]}"; do
    log=$work/$target.log
    mkdir -p "$work/corpus/$target" "$work/failures/$target"
    verdict=ok
    cargo_fuzz run "$target" "$work/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -print_final_stats=1 -artifact_prefix="$work/failures/$target/" \
        >"$log" 2>&1 || { verdict=FAILED; failed=1; tail -n 60 "$log"; }
    summary+=("$(awk -v target="$target" -v verdict="$verdict" '
        /^#[0-9]+/ { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1); if ($i == "corp:") corp = $(i + 1) } }
        /^stat::number_of_executed_units/ { runs = $2 }
        /^stat::average_exec_per_sec/ { rate = $2 }
        END { printf "fuzz: %-14s %-6s %9d runs, %7d per second, coverage %d, features %d, corpus %s", target, verdict, runs, rate, cov, ft, corp }
    ' "$log")")
done
printf '%s\n' "${summary[@]}"
exit "$failed"
