#!/bin/sh
# hefu try: any CSV files, one command; results where they should be, and nothing left running.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

sample=$root/configs/sample

# ---- the bundled sample, three parties ----

expect the_sample_trains 0 '"rows_aligned"' '"verified": true' '"auc_label_party_alone"' '"key_bits": 2048' \
    '"passes": 4' '"parties": 3' '"align"' '"prepare"' '"train"' '"evaluate"' '"total"' '"bytes_sent"' '"tax"' -- \
    "$hefu" try --party "bank=$sample/bank.csv" --party "tax=$sample/tax.csv" --party "social=$sample/social.csv" \
    --id id --label default --key-bits 2048 --passes 4 --out sample --json
cp "$work/said.out" try.json
cp said.err try.log
expect standard_output_is_the_result_file_and_nothing_else 0 -- cmp try.json sample/result.json
expect away_from_a_terminal_progress_is_plain_lines 0 "hefu: offline: align" "hefu: offline: prepare" -- cat try.log
expect no_escape_reaches_a_file 1 -- grep -q "$(printf '[\033\r]')" try.log
expect the_joint_model_is_better_than_the_banks 0 -- awk -F'[:,]' '
    /"auc_test"/ { joint = $2 } /"auc_label_party_alone"/ { alone = $2 }
    END { exit !(joint > alone + 0.03 && joint < 1) }' try.json
for file in report.html result.json reports/bank.html reports/tax.html reports/social.html model/bank.json \
    model/tax.json model/social.json evidence/bank.hefu evidence/tax.hefu evidence/social.hefu; do
    [ -s "sample/$file" ] || echo "$file"
done >missing
expect every_result_is_there 0 -- sh -c '! grep . missing'
expect the_transcript_verifies_by_the_auditors_program 0 -- \
    "$HEFU_BIN/hefu-audit" verify --ca sample/ca/ca.pem sample/evidence/bank.hefu sample/evidence/tax.hefu sample/evidence/social.hefu
expect models_hold_their_owners_columns_only 1 -- grep -lE "credit_limit|declared_income" sample/model/social.json

# ---- two parties with other names, a listed split, an earlier output replaced ----

people lender.csv 1 500 age limit label
people utility.csv 1 500 usage late
awk 'BEGIN { print "id,split"; for (i = 1; i <= 500; i++) printf "p%06d,%s\n", i, i % 4 ? "train" : "test" }' >split.csv
expect two_parties_with_a_listed_split 0 '"rows_test": 125' '"rows_train": 375' '"verified": true' '"parties": 2' -- \
    "$hefu" try --party utility-2=utility.csv --party lender=lender.csv --id id --label label --split split.csv \
    --key-bits 2048 --passes 2 --out small --json --quiet
expect the_same_directory_serves_again 0 "transcript verified" "joint model" "lender alone" "small/report.html" -- \
    "$hefu" try --party utility-2=utility.csv --party lender=lender.csv --id id --label label \
    --key-bits 2048 --passes 2 --out small --quiet
expect quiet_is_quiet 0 -- sh -c '! grep . said.err'

printf 'id,usage,late\np000001,1\n' >ragged.csv
expect a_bad_table_is_named_before_anything_is_replaced 2 "ragged.csv:2" -- \
    "$hefu" try --party utility-2=ragged.csv --party lender=lender.csv --id id --label label --out small --quiet
expect the_earlier_results_are_still_there 0 "</html>" -- tail -n 1 small/report.html

# ---- an interrupted run leaves nothing behind ----

for signal in INT TERM KILL; do
    "$hefu" try --party "bank=$sample/bank.csv" --party "tax=$sample/tax.csv" --id id --label default \
        --key-bits 4096 --passes 64 --out cut >/dev/null 2>cut.log </dev/null & # long enough to be cut
    run=$!
    pids="$pids $run"
    wait_until 20 grep -q "hefu: offline: " cut.log || cat cut.log
    nodes=$(pgrep -P "$run" || true)
    nodes="$nodes $(for node in $nodes; do pgrep -P "$node" || true; done)" # and their workers
    kill -s "$signal" "$run"
    code=0
    wait "$run" 2>/dev/null || code=$?
    [ "$signal" = KILL ] || expect "it_says_that_${signal}_stopped_it" 2 "interrupted" -- sh -c 'cat cut.log; exit "$0"' "$code"
    gone() {
        for node in $nodes; do
            ! kill -0 "$node" 2>/dev/null || return 1
        done
    }
    expect "nodes_had_been_running_before_$signal" 0 -- test -n "$nodes"
    expect "no_node_outlives_$signal" 0 -- wait_until 10 gone
done

finish
