#!/bin/sh
# Every section that code or a test cites as [SPEC x.y] stands in protocol/SPEC.md as a numbered heading.
set -eu
cd "$(dirname "$0")/../.."

spec=protocol/SPEC.md
if [ ! -f "$spec" ]; then
    echo "not ok spec: $spec is missing"
    exit 1
fi
headings=$(sed -nE 's/^#+ +([0-9]+(\.[0-9]+)*)\.? .*/\1/p' "$spec")

unknown=0
cited=0
citations=$(grep -rhoE --include='*.[ch]' --include='*.md' --include='*.sh' '\[SPEC [0-9][^]]*\]' \
    crypto protocol training node tests README.md 2>/dev/null | sort -u || true)
for number in $(printf '%s\n' "$citations" | grep -oE '[0-9]+(\.[0-9]+)*' | sort -u -V); do
    cited=$((cited + 1))
    if ! printf '%s\n' "$headings" | grep -qxF "$number"; then
        unknown=$((unknown + 1))
        echo "    [SPEC $number] has no heading; cited in:"
        grep -rlE --include='*.[ch]' --include='*.md' --include='*.sh' \
            "\[SPEC ([^]]*[ ,])?$(printf '%s' "$number" | sed 's/\./\\./g')([ ,][^]]*)?\]" \
            crypto protocol training node tests README.md 2>/dev/null | sed 's/^/        /' || true
    fi
done
if [ "$unknown" != 0 ]; then
    echo "not ok spec: $unknown cited sections are missing from $spec"
    exit 1
fi
echo "ok spec: all $cited cited sections exist"
