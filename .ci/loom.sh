#!/usr/bin/env bash
# Model checks of lane and doorbell (engine/src/ipc/models.rs) and of tables (engine/src/memory/table/models.rs): all interleavings up to a number of
# preemptions, LOOM_MAX_PREEMPTIONS, 3 unless set.
set -euo pipefail
cd "$(dirname "$0")/.."
# A directory of its own: the flag would rebuild everything else at each change of mind.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom"
export RUSTFLAGS="--cfg loom ${RUSTFLAGS:-}"
export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-3}"
exec cargo test -p skep --release --lib models:: -- "$@"
