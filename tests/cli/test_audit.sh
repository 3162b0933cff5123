#!/bin/sh
# hefu-audit on what a real session leaves behind: its files verify, its parties' parts replay, and whatever is changed
# afterwards is found.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
audit=$HEFU_BIN/hefu-audit

expect it_links_no_network_library_and_no_database 1 -- \
    sh -c 'ldd "$1" | grep -E "nng|ssl|sqlite|mbedtls|curl"' ldd "$audit"

people bank.csv 1 260 age limit label
people shop.csv 1 260 spent late
expect a_session_to_audit 0 '"verified": true' -- "$hefu" try --party bank=bank.csv --party shop=shop.csv \
    --id id --label label --key-bits 2048 --passes 2 --out out --json --quiet
session=$(basename "$work"/out/nodes/shop/state/sessions/*)
kept=$work/out/nodes/shop/state/sessions/$session

# ---- verify and show ----

expect the_files_verify 0 "transcript verified: 2 logs" "3 joint checkpoints" "issued by the CA" -- \
    "$audit" verify out/evidence/bank.hefu out/evidence/shop.hefu --ca out/ca/ca.pem --crl out/ca/crl.pem
expect one_file_verifies_and_says_what_it_leaves_open 0 "transcript verified: 1 log" "the log of bank was not given" -- \
    "$audit" verify out/evidence/shop.hefu
expect a_file_tells_its_story 0 "evidence of shop" "joint checkpoint after pass 2" "what each party learns" -- \
    "$audit" show out/evidence/shop.hefu
expect no_column_name_is_in_the_evidence 1 -- grep -aqE "spent|late" out/evidence/shop.hefu

# ---- which build ran ----

sha256sum <"$HEFU_BIN/hefud" | cut -c1-64 >builds
expect both_state_the_build_that_ran 0 "V24  not checked" "bank, shop: $(cat builds) (0" -- \
    "$audit" verify out/evidence/bank.hefu out/evidence/shop.hefu
expect it_is_one_that_is_allowed 0 "V24  OK" -- "$audit" verify out/evidence/bank.hefu out/evidence/shop.hefu --builds builds
sha256sum <"$HEFU_BIN/hefu" | cut -c1-64 >others
expect or_it_is_not 1 "transcript NOT verified: builds: the build of bank is not on the list" -- \
    "$audit" verify out/evidence/bank.hefu out/evidence/shop.hefu --builds others

# ---- what is changed is found ----

# flip FILE, OFFSET FROM THE END
flip() {
    size=$(wc -c <"$1")
    byte=$(od -An -tu1 -j "$((size - $2))" -N 1 "$1")
    printf "%b" "$(printf '\\0%03o' "$((byte ^ 1))")" | dd of="$1" bs=1 seek="$((size - $2))" conv=notrunc 2>/dev/null
}
build=210 # at the end of the file: what the node states of its build; before it a modulus and 13 roots of each party
keys=$((build + 2 * 14 * 256))
for offset in $((build + 1)) 5000 "$keys"; do
    cp out/evidence/bank.hefu changed.hefu
    flip changed.hefu "$offset"
    expect "a_key_changed_${offset}_before_the_end_is_found" 1 "transcript NOT verified" "key of" -- \
        "$audit" verify changed.hefu out/evidence/shop.hefu
done
for offset in 9 78 408 5008; do
    cp out/evidence/bank.hefu changed.hefu
    flip changed.hefu "$((keys + offset))"
    expect "a_byte_changed_${offset}_before_the_keys_is_found" 1 "transcript NOT verified" "log of bank, record" -- \
        "$audit" verify changed.hefu out/evidence/shop.hefu
done
for offset in 1 65 "$((build - 6))"; do
    cp out/evidence/bank.hefu changed.hefu
    flip changed.hefu "$offset"
    expect "a_build_changed_${offset}_before_the_end_is_found" 1 "transcript NOT verified: builds: what bank states of its build" -- \
        "$audit" verify changed.hefu out/evidence/shop.hefu
done
head -c 9000 out/evidence/bank.hefu >cut.hefu
expect a_cut_file_is_refused 1 "cut.hefu: the evidence file is cut short" -- "$audit" verify cut.hefu

expect a_lost_ca_is_the_auditors_mistake_and_no_verdict 2 "--ca lost.pem: there is no such file" -- \
    "$audit" verify out/evidence/shop.hefu --ca lost.pem

# ---- replay ----

expect a_part_replays_bit_for_bit 0 "PASS: replay agrees" "records of shop" "R1 " "in the log and in the contract" \
    "R2 " "columns with the bins of the contract" "R7 " "2 files, hold what is computed again" "1 thread, " -- \
    "$audit" replay --node out/nodes/shop --session "$session"
expect more_threads_and_plainer_arithmetic_come_to_the_same 0 "PASS: replay agrees" "2 threads, scalar arithmetic" -- \
    "$audit" replay --node out/nodes/shop --session "$session" --threads 2 --kernel scalar
expect a_kernel_that_is_not_there_is_named 2 "--kernel is abacus" -- \
    "$audit" replay --node out/nodes/shop --session "$session" --kernel abacus
expect threads_are_counted 2 "--threads is 0" -- "$audit" replay --node out/nodes/shop --session "$session" --threads 0
expect rows_are_drawn_for_a_comparison 0 "R8           7 rows are written" -- \
    "$audit" replay --node out/nodes/shop --session "$session" --sample 7 --sample-file drawn
expect with_the_bins_that_were_used 0 "id	spent	late" -- head -n 1 drawn
cut -d , -f 1 shop.csv >ids
tail -n +2 drawn | cut -f 1 >drawn.ids
expect they_are_seven_people_of_the_table 0 "7" -- grep -Fxic -f drawn.ids ids
expect a_sample_replaces_no_file 2 "drawn" -- \
    "$audit" replay --node out/nodes/shop --session "$session" --sample 7 --sample-file drawn
expect nobody_chooses_the_rows 0 "PASS" -- \
    "$audit" replay --node out/nodes/shop --session "$session" --sample 7 --sample-file again
expect they_are_the_same_again 0 -- cmp drawn again
expect a_sample_goes_to_a_file_alone 2 "--sample N and --sample-file FILE go together" -- \
    "$audit" replay --node out/nodes/shop --session "$session" --sample 7
expect the_beginning_of_its_name_is_enough 0 '"same": true' -- \
    "$audit" replay --node out/nodes/bank --session "$(echo "$session" | cut -c 1-6)" --json
expect an_unknown_session_is_named 2 "has no session ffff" -- "$audit" replay --node out/nodes/shop --session ffff

cp "$kept/log" log.kept
head -c 3200 log.kept >"$kept/log"
expect a_cut_log_does_not_replay 1 "first mismatch record 9, field type" "before any joint checkpoint" -- "$audit" replay --node out/nodes/shop --session "$session"
cp log.kept "$kept/log"

cp "$kept/bodies" bodies.kept
flip "$kept/bodies" 40
expect a_changed_body_does_not_replay 1 "first mismatch record" "the last joint checkpoint that agrees is record" "after pass 2" -- "$audit" replay --node out/nodes/shop --session "$session"
cp bodies.kept "$kept/bodies"

table=$(sed -nE 's/.*"path": "([^"]*)".*/\1/p' "$kept/table.json")
cp "$table" table.kept
awk -F, -v OFS=, 'NR == 7 { $2 = $2 < 600 ? 1400 : 0 } { print }' table.kept >"$table"
expect another_table_does_not_replay 1 "first mismatch record 0" "the table is another one" "the commitment in record 5" -- \
    "$audit" replay --node out/nodes/shop --session "$session"
together="--party bank=out/nodes/bank --party shop=out/nodes/shop"
# shellcheck disable=SC2086
expect nor_does_it_together_with_the_others 1 "does NOT agree: the log of shop" "the table is another one" "waits for shop" -- \
    "$audit" joint-replay --session "$session" $together
expect the_table_may_lie_elsewhere 0 "PASS: replay agrees" -- \
    "$audit" replay --node out/nodes/shop --session "$session" --table table.kept
cp table.kept "$table"

cp "$kept/model.json" model.kept
sed 's/"weight": \(-\{0,1\}\)0/"weight": \11/; t' model.kept >"$kept/model.json"
expect a_model_that_was_changed_afterwards_is_found 1 "mismatch of model.json, field columns" -- \
    "$audit" replay --node out/nodes/shop --session "$session"
cp model.kept "$kept/model.json"
sed -i 's/"auc_test": 0/"auc_test": 1/' "$kept/result.json"
expect so_is_a_metric 1 "mismatch of result.json, field auc_test" -- "$audit" replay --node out/nodes/shop --session "$session"
sed -i 's/"auc_test": 1/"auc_test": 0/' "$kept/result.json"

mv "$kept/seed.sealed" seed.kept
expect without_its_seed_nothing_replays 2 "seed.sealed" "seeds are kept" -- \
    "$audit" replay --node out/nodes/shop --session "$session"
cp out/nodes/bank/state/sessions/*/seed.sealed "$kept/seed.sealed"
expect the_seed_of_another_node_is_refused 1 "sealed by another node" -- \
    "$audit" replay --node out/nodes/shop --session "$session"
cp seed.kept "$kept/seed.sealed"
expect with_everything_back_it_replays_again 0 "replay agrees" -- \
    "$audit" replay --node out/nodes/shop --session "$session"

# ---- together, without bodies ----

rm "$kept/bodies" out/nodes/bank/state/sessions/*/bodies
expect without_bodies_a_part_alone_does_not_replay 2 "what was received was not kept" "joint-replay does without" -- \
    "$audit" replay --node out/nodes/shop --session "$session"
# shellcheck disable=SC2086
expect all_parts_together_do 0 "PASS: joint replay agrees" "bank " "shop " "records agree" -- \
    "$audit" joint-replay --session "$session" $together
expect nobody_comes_twice 2 "shop is given twice" -- \
    "$audit" joint-replay --session "$session" --party shop=out/nodes/shop --party shop=out/nodes/shop
flip "$kept/log" 1000
# shellcheck disable=SC2086
expect a_changed_record_is_named 1 "does NOT agree: the log of shop" "first mismatch record" "after pass 2" -- \
    "$audit" joint-replay --session "$session" $together
# shellcheck disable=SC2086
expect machines_read_it_too 1 '"same": false' '"about": "shop"' '"last_joint"' -- \
    "$audit" joint-replay --session "$session" $together --json

finish
