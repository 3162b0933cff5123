#!/bin/sh
# Scripts are POSIX sh and parse; shellcheck reads them where it is installed.
set -eu
cd "$(dirname "$0")/../.."

bad=0
for script in deploy/*.sh tests/*.sh tests/*/*.sh .ci/run; do
    [ -f "$script" ] || continue
    sh -n "$script" || bad=$((bad + 1))
    if command -v shellcheck >/dev/null; then
        shellcheck -x -S error "$script" || bad=$((bad + 1))
    fi
done
if [ "$bad" != 0 ]; then
    echo "not ok shell: $bad scripts have faults"
    exit 1
fi
echo "ok shell: every script parses"
