#!/bin/sh
# The table of SPEC 7.9 and the tests agree: every test that it names exists, and every test of parties that cheat is in it.
set -eu
cd "$(dirname "$0")/../.."

listed=$(sed -n '/^### 7\.9 /,/^## /p' protocol/SPEC.md | grep '^| ' | grep -oE '`[a-z0-9]+(_[a-z0-9]+){2,}`' | tr -d '`' | sort -u)
tests() {
    grep -hoE 'cmocka_unit_test\([a-z0-9_]+\)|\.name = "[a-z0-9_]+"' "$@" | sed -E 's/.*[("]([a-z0-9_]+)[)"]/\1/' | sort -u
}
there=$(tests $(find tests -name 'test_*.c'))
cheats=$(tests tests/training/test_cheats*.c)

wrong=0
for name in $listed; do
    printf '%s\n' "$there" | grep -qxF "$name" && continue
    wrong=$((wrong + 1))
    echo "    there is no test $name"
done
for name in $cheats; do
    printf '%s\n' "$listed" | grep -qxF "$name" && continue
    wrong=$((wrong + 1))
    echo "    the table does not name $name"
done
if [ "$wrong" != 0 ] || [ -z "$listed" ] || [ -z "$cheats" ]; then
    echo "not ok evidence: SPEC 7.9 and the tests of cheats differ"
    exit 1
fi
echo "ok evidence: $(printf '%s\n' "$listed" | wc -l) tests of SPEC 7.9 exist"
