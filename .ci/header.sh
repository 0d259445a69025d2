#!/bin/sh
# include/skep.h is what cbindgen makes of engine/src/capi/.
#
#     .ci/header.sh            fails with the difference if the committed header is not that
#     .ci/header.sh --write    writes it
set -eu
cd "$(dirname "$0")/.."

version=0.29.4
header=include/skep.h
tools=$PWD/target/tools
export PATH="$tools/bin:$PATH"

if [ "$(cbindgen --version 2>/dev/null || true)" != "cbindgen $version" ]; then
    cargo install cbindgen --version "$version" --locked --force --root "$tools"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A crate with nothing but the C boundary, so that no other public constant gets into the header.
printf '[package]\nname = "skep"\nversion = "0.0.0"\nedition = "2024"\n[lib]\npath = "lib.rs"\n[workspace]\n' >"$work/Cargo.toml"
printf '#[path = "%s/engine/src/capi/mod.rs"]\npub mod capi;\n' "$PWD" >"$work/lib.rs"
cbindgen --quiet --config engine/cbindgen.toml --output "$work/skep.h" "$work"

if [ "${1:-}" = --write ]; then
    cp "$work/skep.h" "$header"
elif ! diff -u "$header" "$work/skep.h"; then
    echo "$header is not what engine/src/capi/ says: run .ci/header.sh --write" >&2
    exit 1
fi
