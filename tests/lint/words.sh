#!/bin/sh
# What must not stand in the tree: paths of a build machine, unfinished business, marks of a merge.
set -eu
cd "$(dirname "$0")/../.."

files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files
    else
        find . -type f -not -path './build*' | sed 's|^\./||'
    fi | grep -E '\.(c|h|sh|md|txt|yaml|json|cmake)$|^\.ci/run$' | grep -v '^tests/lint/words\.sh$'
}

found=$(mktemp)
trap 'rm -f "$found"' EXIT
for file in $(files); do
    [ -f "$file" ] || continue
    grep -nHE '(^|[^[:alnum:]_.$}-])/(home|work|root|Users)/|TODO|FIXME|(^|[^X])XXX([^X]|$)|HACK|not implemented|simplified for now|^(<<<<<<<|>>>>>>>) ' \
        "$file" >>"$found" || true
done
if [ -s "$found" ]; then
    sed 's/^/    /' "$found"
    echo "not ok words: paths of a machine or unfinished business in the tree"
    exit 1
fi
echo "ok words: no machine paths, nothing left for later"
