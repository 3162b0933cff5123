#!/bin/sh
# hefu prepare with three real nodes: the offline phase before the labels are there, a training on it once, its evidence,
# and what is refused.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
audit=$HEFU_BIN/hefu-audit

people labelled.csv 1 420 age limit label
awk -F, -v OFS=, 'NR > 1 { $4 = "" } { print }' labelled.csv >bank.csv # the labels are not known yet
people tax.csv 21 440 income paid
people social.csv 11 430 years insured
consortium auto bank tax social >/dev/null 2>&1
expect without_labels_a_table_is_not_for_training 2 "the label is empty" -- \
    "$hefu" table add loans bank.csv --id id --label label --node bank
expect but_it_can_be_registered_for_a_preparation 0 "people        420" -- \
    "$hefu" table add loans bank.csv --id id --label label --labels-later --node bank
"$hefu" table add incomes tax.csv --id id --node tax >/dev/null 2>&1
"$hefu" table add years social.csv --id id --node social >/dev/null 2>&1
job_file risk.yaml bank=loans tax=incomes social=years
printf 'audit:\n  replay: sealed\n' >>risk.yaml

# up NODE: its daemon runs and answers; its process is $pid_NODE.
up() {
    start_node "$1"
    eval "pid_$1=$started"
    wait_until 20 node_answers "$1" || { cat "$1/hefud.log"; exit 1; }
}

# restart NODE COMMAND: the command runs while the node is down.
restart() {
    restarted=$1
    shift
    eval "kill \$pid_$restarted; wait \$pid_$restarted 2>/dev/null" || true
    "$@"
    up "$restarted"
}

for node in bank tax social; do
    up "$node"
done

# ---- prepare ----

expect a_training_still_needs_labels 2 "bank cannot use its table loans" -- "$hefu" train risk.yaml --quiet
expect a_preparation_does_not 0 "is prepared: 400 people common to 3 parties, 280 to train on, 120 to test" \
    "400 people" "on disk" "to be used until" "train it: hefu train" "offline: prepare" -- \
    "$hefu" prepare risk.yaml
id=$(sed -nE 's/^job ([0-9a-f]{16}) is prepared.*/\1/p' said.out)
expect every_node_lists_it 0 "$id" "prepared" "400 people" "to be used until" -- "$hefu" jobs --node tax
expect its_coordinator_too 0 "social" "prepared" "400 people" -- "$hefu" job show "$id"
expect what_it_holds_is_there_for_machines 0 '"state": "prepared"' '"spent": 0' '"bytes": ' '"rows": 400' -- \
    "$hefu" job show "$id" --node bank --json
expect watching_it_does_not_start_it 0 "is prepared" -- "$hefu" watch "$id"
expect it_needs_no_further_approval 2 "its training was approved with it" -- "$hefu" job approve "$id" --node bank
expect there_is_no_report_yet 2 "is prepared" -- "$hefu" report "$id" --node bank
offline=bank/state/sessions/$id-0-offline
expect its_bytes_are_sealed 1 -- grep -aq HEFUPREP "$offline/preparation"
"$hefu" prepare risk.yaml --quiet >other.out 2>&1
other=$(sed -nE 's/^job ([0-9a-f]{16}) is prepared.*/\1/p' other.out)

# ---- train ----

restart bank cp -a bank/state state.old
cp labelled.csv bank.csv # the labels have come in
expect the_job_is_trained_on_its_preparation 0 "job $id is prepared: 400 people" "uses it up" "AUC" \
    "is done: 400 people common to 3 parties, 280 trained on, 120 tested" -- "$hefu" train "$id"
expect aligning_and_encrypting_were_not_done_again 1 -- grep -q "offline: " said.err
online=bank/state/sessions/$id-0-online
expect nothing_of_the_preparation_is_left 0 -- sh -c '! ls "$1"/preparation* 2>/dev/null' - "$offline"
expect it_is_marked_as_spent 0 '"state": "done"' '"seconds_offline": ' '"seconds_online": ' -- \
    "$hefu" job show "$id" --node bank --json
expect its_report_is_there 0 report.html -- "$hefu" report "$id" --node bank
expect it_is_used_once 2 "is not prepared: at bank it is done" "a preparation is used once" -- "$hefu" train "$id"

# ---- a disk that was rolled back ----

cp -a bank/state state.new
restart bank sh -c 'rm -r bank/state && cp -a state.old bank/state'
expect the_returned_node_believes_that_it_has_a_preparation 0 '"state": "prepared"' '"spent": 0' -- \
    "$hefu" job show "$id" --node bank --json
expect its_peers_know_better 2 "job $id is not prepared: at tax it is done" "used once" -- "$hefu" train "$id"
restart bank sh -c 'rm -r bank/state && cp -a state.new bank/state'

# ---- evidence ----

for node in bank tax social; do
    cp "$node/state/sessions/$id-0-offline/evidence.hefu" "$node-offline.hefu"
    cp "$node/state/sessions/$id-0-online/evidence.hefu" "$node-online.hefu"
done
expect the_files_of_both_sessions_verify_together 0 "transcript verified: 3 logs" "attempt 1, offline" "attempt 1, online" \
    ": all parties signed that this session stands on preparation" "all 2 sessions together" "all sessions verified" -- \
    "$audit" verify ./*-offline.hefu ./*-online.hefu --ca ca/ca.pem --crl ca/crl.pem
expect a_report_tells_of_both 0 "transcript verified" -- "$audit" report ./*-offline.hefu ./*-online.hefu --html both.html
# a table of rules and one of checks for each, and one of rules for both together
expect session_by_session 0 5 -- grep -c '<table class="stack"><thead><tr><th scope="col" class=""><span class="en" lang="en">Verdict' both.html
expect a_statement_tells_of_both_too 0 "Stage: Offline session" "Stage: Online session" -- \
    "$audit" statement tax-offline.hefu tax-online.hefu --party bank
expect one_file_of_each_is_enough_for_the_link 0 "which is verified" -- "$audit" verify bank-online.hefu tax-offline.hefu
expect the_online_session_alone_says_what_is_open 0 "whose files were not given" "names: it needs the files" -- \
    "$audit" verify ./*-online.hefu
expect the_offline_session_alone_verifies 0 "this is an offline session" "1 joint checkpoint" -- "$audit" verify ./*-offline.hefu
expect the_files_of_another_offline_session_are_found 1 "link" "the offline session given is not it" -- \
    "$audit" verify bank-online.hefu "bank/state/sessions/$other-0-offline/evidence.hefu"
expect show_tells_the_stage 0 "the session of stage online" -- "$audit" show bank-online.hefu
expect the_online_part_replays_after_the_offline_part 0 "replay agrees" "after those of its offline session" -- \
    "$audit" replay --node tax --session "$id"
expect the_offline_part_replays_alone 0 "replay agrees" -- "$audit" replay --node bank --session "$id-0-offline"
expect all_parties_replay_both_together 0 "PASS: joint replay agrees" "social" "records agree" -- \
    "$audit" joint-replay --session "$id" --party bank=bank --party tax=tax --party social=social

# ---- what is refused; the job file finds the other preparation ----

awk -F, -v OFS=, 'NR == 7 { $2 = $2 < 600 ? 1400 : 0 } { print }' tax.csv >changed.csv
cp tax.csv tax.kept
cp changed.csv tax.csv
expect a_table_with_other_features_is_refused 2 "tax: the table has changed since it was prepared" \
    "only labels may change" "job $other is prepared" -- "$hefu" train risk.yaml
mv tax.csv elsewhere.csv
expect a_table_that_is_gone_is_too 2 "tax: this node failed at a file of its own" "its operator reads more" -- \
    "$hefu" train "$other"
expect without_telling_the_path 1 -- grep -q "$work" said
expect which_its_log_does 0 -- grep -q "$work/tax.csv: there is no such file" tax/hefud.log
cp tax.kept tax.csv
expect the_preparation_is_not_used_up_by_that 0 '"state": "prepared"' '"spent": 0' -- \
    "$hefu" job show "$other" --node bank --json
"$hefu" job cancel "$other" --node social >/dev/null 2>&1
expect a_preparation_that_not_all_have_is_of_no_use_and_how_to_end_it 2 "cancelled at social" \
    "hefu job cancel $other ends it" -- "$hefu" train "$other"
expect then_the_job_file_is_a_whole_training 0 "proposed to 3 parties" "offline: prepare" "is done" -- \
    "$hefu" train risk.yaml
finish
