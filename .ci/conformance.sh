#!/usr/bin/env bash
# The tests that docs/CONFORMANCE*.md name are there. In the second column of a table `file: test` is a Rust test: of
# tests/file.rs, or a unit test of a module `file`, be it in file.rs, file/tests.rs or tests/file.rs. A path that ends in
# .phpt is a file in phpt/. A row without a test has to say why in its note.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0
complain() { echo "conformance: $*" >&2; bad=1; }

# "module test" for each Rust test: an attribute, more attributes perhaps, then the function.
rust_tests() {
    find tests engine/src php-ext/src -maxdepth 6 -name '*.rs' -print0 | xargs -0 awk '
        FNR == 1 {
            module = FILENAME
            sub(/\.rs$/, "", module)
            file = module
            sub(/.*\//, "", file)
            sub(/\/tests(\/[a-z_0-9]+)?$/, "", module)
            sub(/.*\//, "", module)
            is_test = 0
        }
        /#\[test\]/ { is_test = 1; next }
        is_test && match($0, /fn [a-z_0-9]+/) {
            name = substr($0, RSTART + 3, RLENGTH - 3)
            print module, name
            print file, name
            is_test = 0
        }'
}
known=$(rust_tests)

for page in docs/CONFORMANCE*.md; do
    while IFS= read -r row; do
        tests=$(cut -d '|' -f 3 <<<"$row")
        note=$(cut -d '|' -f 4- <<<"$row" | tr -d '| ')
        [ -n "${tests// /}" ] || [ -n "$note" ] || complain "$page: neither test nor reason: $row"
        while IFS=': ' read -r file name; do
            [ -n "$file" ] || continue
            grep -qx "$file $name" <<<"$known" || complain "$page: no test $file: $name"
        done < <(grep -oE '\b[a-z_0-9]+: [a-z_0-9]+' <<<"$tests" || true)
        while IFS= read -r path; do
            [ -z "$path" ] || [ -f "phpt/$path" ] || complain "$page: no file phpt/$path"
        done < <(grep -oE '[a-z_0-9]+/[a-z_0-9]+\.phpt' <<<"$tests" || true)
    done < <(grep -E '^\|' "$page" | grep -vE '^\|( *-+ *\|)+ *$|^\| *[a-z]* *\| *tests *\|')
done
[ "$bad" = 0 ] && echo "conformance: ok"
exit "$bad"
