# shellcheck shell=sh
# What the command-line tests share: a place to work, made-up tables, whole consortia, and verdicts.
# HEFU_BIN is the directory of the programs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034  # for the tests
root=$(cd "$here/../.." && pwd)
HEFU_BIN=${HEFU_BIN-$root/build/bin}
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

# join_ca NAME: a certificate of the consortium ca/ for the node directory NAME, whose key stays there.
join_ca() {
    "$hefu" ca issue ca --name "$1" --role node --csr "$1/node.csr" --out "$1" | tee "$1/issued"
}

# consortium ask|auto, NAME...: in the working directory a CA, a node directory each with that policy, and a coordinator
# (coordinator.yaml), all trusting each other.  Node number i listens on $port + i.
consortium() {
    policy=$1
    shift
    "$hefu" ca init ca --name "test consortium"
    "$hefu" ca issue ca --name acme --role coordinator --out .
    printf 'certificate: acme.pem\nkey: acme.key\nca: ca.pem\ncrl: crl.pem\ndeadlines:\n  handshake_s: 5\nnodes:\n' \
        >coordinator.yaml
    port=$((20000 + ($$ * 13) % 11000))
    listen=$port
    for node in "$@"; do
        "$hefu" node init "$node" --name "$node" --listen "tcp://127.0.0.1:$listen" --ca ca/ca.pem
        join_ca "$node"
        sed -i "s/approve: ask/approve: $policy/; s/min_rows: 1000/min_rows: 100/" "$node/node.yaml"
        printf 'deadlines:\n  handshake_s: 5\n  peer_s: 10\n' >>"$node/node.yaml"
        printf '  - name: %s\n    address: tcp://127.0.0.1:%s\n    fingerprint: %s\n' "$node" "$listen" \
            "$(sed -n 's/^fingerprint *//p' "$node/issued")" >>coordinator.yaml
        listen=$((listen + 1))
    done
    for node in "$@"; do
        "$hefu" node trust acme.pem --node "$node"
        listen=$port
        for peer in "$@"; do
            [ "$peer" = "$node" ] || "$hefu" node trust "$peer/$peer.pem" --node "$node" --address "tcp://127.0.0.1:$listen"
            listen=$((listen + 1))
        done
    done
}

# job_file FILE, PARTY=TABLE...: a small job of these parties.
job_file() {
    file=$1
    shift
    {
        printf 'name: %s\npurpose: to test the programs\nkey_bits: 2048\ntables:\n' "$(basename "$file" .yaml)"
        for pair in "$@"; do
            printf '  - party: %s\n    table: %s\n' "${pair%%=*}" "${pair#*=}"
        done
        printf 'training:\n  passes: 2\nlimits:\n  min_rows: 100\n  min_positives: 10\n'
    } >"$file"
}

finish() {
    [ "$failures" = 0 ] || exit 1
    exit 0
}
