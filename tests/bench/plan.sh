#!/bin/sh
# What hefu plan predicts against what a training then takes: five shapes that no rate was measured on.  Measures this
# machine first, unless RATES names a file of rates; trains with real nodes on it (hefu try).
#
#   tests/bench/plan.sh [SHAPE...]        tab-separated: shape, figure, party, predicted, actual, ratio
#
# HEFU_BIN is the directory of the programs.  A shape is PARTIES:ROWS:COLUMNS:KEY_BITS:SIGMOID.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
HEFU_BIN=${HEFU_BIN-$root/build/bin}
RATES=${RATES-}
[ $# -gt 0 ] || set -- 2:3000:6:2048:exact 2:30000:10:2048:linear 3:10000:8:2048:exact 3:4000:12:3072:linear 4:2000:5:3072:exact

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
if [ -n "$RATES" ]; then
    cp "$RATES" "$work/rates.json"
fi
cd "$work"
[ -f rates.json ] || "$HEFU_BIN/hefu" plan --calibrate >&2

# table FILE, ROWS, COLUMNS, SEED, LABEL: people with values that depend on one trait; LABEL 1 adds a label.
table() {
    awk -v rows="$2" -v columns="$3" -v seed="$4" -v label="$5" 'BEGIN {
        srand(seed)
        printf "id"
        for (c = 1; c <= columns; c++)
            printf ",x%d", c
        print label ? ",label" : ""
        for (i = 0; i < rows; i++) {
            trait = (i * 7919) % 1000
            printf "p%07d", i
            for (c = 1; c <= columns; c++)
                printf ",%.1f", trait * (c % 3) + rand() * 1000
            print label ? "," (trait + rand() * 4000 > 3600) : ""
        }
    }' >"$1"
}

printf 'shape\tfigure\tparty\tpredicted\tactual\tratio\n'
for shape; do
    IFS=: read -r parties rows columns bits sigmoid <<EOF
$shape
EOF
    set -- --id id --label label --key-bits "$bits" --sigmoid "$sigmoid" --json --quiet --out "out"
    p=0
    while [ "$p" -lt "$parties" ]; do
        table "t$p.csv" "$rows" "$columns" "$p" "$((p == 0))"
        set -- "$@" --party "p$p=t$p.csv"
        p=$((p + 1))
    done
    "$HEFU_BIN/hefu" try "$@" >actual.json
    threads=$(awk '$1 == "threads:" { print $2 }' out/nodes/p0/node.yaml)
    contract=$(echo out/nodes/p0/state/sessions/*/contract)
    "$HEFU_BIN/hefu" plan "$contract" --rows "$(jq .rows_aligned actual.json)" --threads "$threads" --one-machine --json >predicted.json
    jq -rn --arg shape "$shape" --slurpfile a actual.json --slurpfile b predicted.json '
        def line($figure; $party; $predicted; $actual):
            [$shape, $figure, $party, $predicted, $actual, $predicted / $actual * 1000 / 1000] | @tsv;
        $a[0] as $a | $b[0] as $b |
        ($b.parties | keys[]) as $p |
            line("cpu_s"; $p; $b.parties[$p].cpu_seconds.total; $a.cpu_seconds[$p]),
            line("bytes_sent"; $p; $b.parties[$p].bytes_sent.total; $a.bytes_sent[$p])'
    jq -rn --arg shape "$shape" --slurpfile a actual.json --slurpfile b predicted.json '
        [$shape, "wall_s", "all", $b[0].seconds.total, $a[0].seconds.total, $b[0].seconds.total / $a[0].seconds.total] | @tsv'
done
