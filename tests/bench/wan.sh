#!/bin/sh
# The same training over slow lines: three nodes and a coordinator, each in a network namespace of its own, TLS between
# them, joined by tests/bench/wan.c; TCP's congestion control is the machine's.
#   sh tests/bench/wan.sh BUILD_DIR [RATE_MBIT:RTT_MS...]     default: 1000:1 100:20 32:50
# RTT_MS is the round trip between any two; every node has a line of RATE_MBIT up and another down.  Needs root, network
# namespaces and TUN.  The data are the bundled sample, or with HEFU_FULL=1 the credit data of three parties that lie in
# HEFU_DATA (default ../shared/data/default_credit_3p).  HEFU_PASSES and HEFU_KEY_BITS: 10 and 2048.
# Prints what tests/bench/bench prints: name, size (the link), unit, value, ratio.  How to read it: RESULTS.md.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
usage="usage: sh tests/bench/wan.sh BUILD_DIR [RATE_MBIT:RTT_MS...]"
[ $# -gt 0 ] && [ -x "$1/bin/hefud" ] && [ -x "$1/bench/wan" ] || {
    echo "$usage" >&2
    echo "wan: error: ${1-no directory}: holds no bin/hefud and bench/wan" >&2
    exit 2
}
bin=$(cd "$1/bin" && pwd)
wan=$(cd "$1/bench" && pwd)/wan
shift
[ $# -gt 0 ] || set -- 1000:1 100:20 32:50
hefu=$bin/hefu
parties="bank tax social"
work=$(mktemp -d)
# shellcheck source=tests/bench/wan_lib.sh
. "$root/tests/bench/wan_lib.sh"
running=

stop_running() {
    for pid in $running; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in $running; do
        wait "$pid" 2>/dev/null || true
    done
    running=
}

clean_up() {
    stop_running
    wan_clean_up
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fail() {
    echo "wan: error: $1" >&2
    shift
    tail -n 20 "$@" >&2
    exit 4
}

# ---- the consortium ----

label=default
data=$root/configs/sample
split=
if [ "${HEFU_FULL-}" = 1 ]; then
    data=${HEFU_DATA-$root/../shared/data/default_credit_3p}
    [ -f "$data/bank.csv" ] || fail "$data/bank.csv: there is no such file" /dev/null
    split=$data/split.csv
fi

# node_table NAME: registers the party's CSV file.
node_table() {
    set -- "$1" --id id --node "$1"
    if [ "$1" = bank ]; then
        set -- "$@" --label "$label"
        [ -z "$split" ] || set -- "$@" --split "$split"
    fi
    name=$1
    shift
    "$hefu" table add people "$data/$name.csv" "$@"
}

make_consortium() {
    "$hefu" ca init ca --name "slow lines"
    "$hefu" coordinator init office --name office --ca ca/ca.pem
    "$hefu" ca issue ca --name office --role coordinator --csr office/office.csr --out office
    for node in $parties; do
        "$hefu" node init "$node" --name "$node" --listen "tcp://$(address "$node"):7101" --ca ca/ca.pem
        "$hefu" ca issue ca --name "$node" --role node --csr "$node/node.csr" --out "$node"
        sed -i 's/approve: ask/approve: auto/; s/min_rows: 1000/min_rows: 100/' "$node/node.yaml"
    done
    for node in $parties; do
        "$hefu" node trust "$node/$node.pem" --address "tcp://$(address "$node"):7101" --coordinator office
        "$hefu" node trust office/office.pem --node "$node"
        for peer in $parties; do
            [ "$peer" = "$node" ] ||
                "$hefu" node trust "$peer/$peer.pem" --address "tcp://$(address "$peer"):7101" --node "$node"
        done
        node_table "$node"
    done
    {
        printf 'name: slow-lines\npurpose: to measure a training over slow lines\nkey_bits: %s\ntables:\n' \
            "${HEFU_KEY_BITS-2048}"
        for node in $parties; do
            printf '  - {party: %s, table: people}\n' "$node"
        done
        printf 'training:\n  passes: %s\nlimits:\n  min_rows: 100\n  min_positives: 10\n  rows_per_bin: 2\n' \
            "${HEFU_PASSES-10}"
        [ -z "$split" ] || printf 'test:\n  listed: true\n'
    } >job.yaml
}

# Do all nodes answer, and are they linked?
all_ready() {
    for node in $parties; do
        (within "$node" "$hefu" jobs --node "$node") && [ "$(grep -c "linked with" "$node/hefud.log")" -ge 2 ] || return 1
    done
}

start_nodes() {
    for node in $parties; do
        within "$node" "$bin/hefud" --config "$node/node.yaml" >"$node/hefud.log" 2>&1 </dev/null &
        running="$running $!"
        eval "pid_$node=$!"
    done
    left=100
    until all_ready >check.log 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "the nodes do not answer" check.log ./*/hefud.log
        sleep 0.2
    done
}

# ---- figures ----

# line NAME UNIT VALUE [RATIO]
line() {
    printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$link" "$2" "$3" "${4--}"
}

# of NAME FILE: the figure that a probe printed under this name.
of() {
    awk -v name="$1" '$1 == name { print $2 }' "$2"
}

# What the lines do before anything else passes them, against what was asked for.
measure_link() {
    wan_link "$rate" "$rtt"
    within tax "$wan" serve 7000 >/dev/null 2>&1 </dev/null &
    running=$!
    (within bank "$wan" ping "$(address tax)" 7000 50) >ping || fail "no round trip" "$work/link.log"
    (within bank "$wan" bulk "$(address tax)" 7000 $((rate / 4 + 1))) >bulk || fail "bytes were harmed" bulk
    stop_running
    wan_unlink
    line wan_link_rtt ms "$(of rtt_median_ms ping)" "$(awk -v r="$rtt" '/median/ { printf "%.2f", $2 / r }' ping)"
    line wan_link_rate Mbit/s "$(of rate_mbit bulk)" "$(awk -v r="$rate" '/rate/ { printf "%.2f", $2 / r }' bulk)"
}

# CPU seconds of a daemon and of its workers, which have ended.
cpu_of() {
    awk -v hertz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.2f\n", ($12 + $13 + $14 + $15) / hertz }' \
        "/proc/$1/stat"
}

# watch_workers: while the training goes on, busy-NAME keeps the nanoseconds that the worker's first thread has
# been running and ready to run.  The rest of its time it waits: for the others, or for the line.
watch_workers() {
    while sleep 0.2; do
        for node in $parties; do
            eval "daemon=\${pid_$node}" # of start_nodes
            worker=$(cat "/proc/$daemon/task/"*/children 2>/dev/null | awk '{ print $1 }')
            cat "/proc/${worker:-none}/task/$worker/schedstat" >busy.new 2>/dev/null && mv busy.new "busy-$node"
        done
    done
}

dump_evidence() {
    for node in $parties; do
        printf 'log\t%s\n' "$node"
        "$bin/hefu-audit" show --dump "$node/state/sessions/$1-0/evidence.hefu"
    done
}

# The wall time of each phase at the label party against what the line alone makes necessary:
# its bytes / rate + hops x RTT / 2.
print_phases() {
    dump_evidence "$1" | awk -f "$root/tests/bench/wan_hops.awk" >hops
    sed -n '/"seconds": {/,/}/s/^ *"\([a-z]*\)": \([0-9.e-]*\),*$/\1\t\2/p' result.json >seconds
    awk -v FS='\t' -v link="$link" -v rate="$rate" -v rtt="$rtt" '
        function show(name, wall, ideal) {
            printf "wan_%s\t%s\ts\t%.3f\t%.2f\n", name, link, wall, ideal ? wall / ideal : 0
            printf "wan_%s_ideal\t%s\ts\t%.3f\t-\n", name, link, ideal
        }
        NR == FNR { wall[$1] = $2; next }
        {
            ideal = $4 * 8 / rate / 1e6 + $2 * rtt / 2000
            all += ideal
            show($1, wall[$1], ideal)
            printf "wan_%s_hops\t%s\thops\t%d\t-\n", $1, link, $2
            if ($1 == "train")
                printf "wan_round_trips_a_pass\t%s\ttrips\t%.2f\t-\n", link, $2 / 2 / $3
        }
        END { show("session", wall["total"], all) }' seconds hops
}

print_bytes() {
    place=1
    for node in $parties; do
        line "wan_${node}_up" bytes "$(awk -v p="$place" '$1 == p { n += $4 } END { printf "%.0f", n }' "$work/carried")"
        line "wan_${node}_down" bytes "$(awk -v p="$place" '$2 == p { n += $4 } END { printf "%.0f", n }' "$work/carried")"
        place=$((place + 1))
    done
    line wan_dropped packets "$(awk 'NR > 2 { n += $5 } END { print n + 0 }' "$work/carried")"
}

train() {
    watch_workers &
    running="$running $!"
    began=$(date +%s.%N)
    (within office "$hefu" train job.yaml --coordinator office/coordinator.yaml --json) >result.json 2>train.log \
        </dev/null || fail "the training failed" train.log ./*/hefud.log
    ended=$(date +%s.%N)
    job=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' train.log | head -n 1)
    for node in $parties; do
        eval "cpu_$node=\$(cpu_of \"\$pid_$node\")"
    done
}

run() {
    rate=${1%%:*} rtt=${1#*:}
    link=${rate}Mbit-${rtt}ms
    measure_link
    wan_link "$rate" "$rtt"
    start_nodes
    train
    stop_running
    wan_unlink
    print_phases "$job"
    line wan_wall s "$(echo "$began $ended" | awk '{ printf "%.2f", $2 - $1 }')"
    print_bytes
    for node in $parties; do
        eval "line wan_${node}_cpu s \"\$cpu_$node\""
        line "wan_${node}_waits" s "$(awk -v all="$(of total seconds)" '{ printf "%.2f", all - ($1 + $2) / 1e9 }' "busy-$node")"
    done
}

cd "$work"
why=$(wan_possible)
[ -z "$why" ] || fail "$why" /dev/null
# shellcheck disable=SC2086  # one word per node
wan_nodes $parties office
make_consortium >setup.log 2>&1 || fail "the consortium cannot be set up" setup.log
printf 'name\tsize\tunit\tvalue\tratio\n'
for pair; do
    run "$pair"
done
