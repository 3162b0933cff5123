# shellcheck shell=sh
# What the command-line tests share: a place to work, made-up tables, whole consortia, and verdicts.
# HEFU_BIN is the directory of the programs.
set -eu
: "${HEFU_BIN:?}"
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
hefu=$HEFU_BIN/hefu
work=$(mktemp -d)
pids=
failures=0

clean_up() {
    for pid in $pids; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in $pids; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

ok() {
    echo "ok $1"
}

not_ok() {
    failures=$((failures + 1))
    echo "not ok $1"
    sed 's/^/    /' "$work/said" | head -n 30
}

# expect NAME, EXIT CODE, TEXT... -- COMMAND: the command ends with that code and says each text.
# What it said is in $work/said, standard output alone in $work/said.out.
expect() {
    name=$1 wanted=$2
    shift 2
    : >"$work/texts"
    while [ "$1" != -- ]; do
        printf '%s\n' "$1" >>"$work/texts"
        shift
    done
    shift
    code=0
    "$@" >"$work/said.out" 2>"$work/said.err" </dev/null || code=$?
    cat "$work/said.out" "$work/said.err" >"$work/said"
    if [ "$code" != "$wanted" ]; then
        echo "exit code $code, expected $wanted" >>"$work/said"
        not_ok "$name"
        return 0
    fi
    while IFS= read -r text; do
        if ! grep -qF -- "$text" "$work/said"; then
            echo "expected to be said: $text" >>"$work/said"
            not_ok "$name"
            return 0
        fi
    done <"$work/texts"
    ok "$name"
}

# people FILE, FIRST, LAST, COLUMN...: a CSV of persons FIRST..LAST with made-up values; a column "label" is 0 or 1 and
# depends on the person's number as the other columns do.
people() {
    file=$1 first=$2 last=$3
    shift 3
    awk -v first="$first" -v last="$last" -v columns="$*" 'BEGIN {
        count = split(columns, name, " ")
        printf "id"
        for (c = 1; c <= count; c++)
            printf ",%s", name[c]
        print ""
        for (i = first; i <= last; i++) {
            trait = (i * 7919) % 1000
            printf "p%06d", i
            for (c = 1; c <= count; c++)
                if (name[c] == "label")
                    printf ",%d", ((trait + (i * 104729) % 700) % 1700 > 1000)
                else
                    printf ",%d", trait + (i * (31 + 17 * c)) % 400
            print ""
        }
    }' >"$file"
}

# wait_until SECONDS, COMMAND: tries until it succeeds.
wait_until() {
    left=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.1
    done
}

# start_node DIR: its daemon in the background; what it says goes to DIR/hefud.log.
start_node() {
    "$HEFU_BIN/hefud" --config "$1/node.yaml" >"$1/hefud.log" 2>&1 </dev/null &
    started=$!
    pids="$pids $started"
}

node_answers() {
    "$hefu" jobs --node "$1"
}

finish() {
    [ "$failures" = 0 ] || exit 1
    exit 0
}
