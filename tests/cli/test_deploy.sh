#!/bin/sh
# A consortium as it is really set up: a CA, two institutions with operators who decide, a coordinator.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

people bank.csv 1 400 tenure overdraft label
people tax.csv 50 450 turnover paid
expect a_consortium_is_set_up 0 "acme is trusted" -- consortium ask bank tax
expect a_table_is_registered_with_a_label 0 "people        400" -- \
    "$hefu" table add loans bank.csv --id id --label label --node bank
expect a_table_is_registered 0 "people        401" -- "$hefu" table add incomes tax.csv --id id --node tax
for node in bank tax; do
    start_node "$node"
    wait_until 10 node_answers "$node" || { cat "$node/hefud.log"; exit 1; }
done
expect a_node_without_jobs_says_so 0 "no jobs" -- "$hefu" jobs --node bank

job_file risk.yaml bank=loans tax=incomes

# ---- one that is refused ----

"$hefu" train risk.yaml --no-wait >id 2>/dev/null || true
id=$(cat id)
expect a_proposed_job_has_an_id 0 -- sh -c 'grep -qE "^[0-9a-f]{16}$" id'
expect the_contract_is_read_in_plain_words 0 "to test the programs" "tenure" "What each party receives" \
    "hefu job approve $id" -- "$hefu" job show "$id" --node bank
expect peers_columns_are_a_count_only 1 -- sh -c '"$0" job show "$1" --node bank | grep -q turnover' "$hefu" "$id"
expect the_coordinator_reads_it_too 0 "awaiting" "Where it stands" -- \
    "$hefu" job show "$id" --coordinator coordinator.yaml
expect an_operator_refuses_with_a_reason 0 "refused" -- \
    "$hefu" job refuse "$id" --node tax --reason "no legal basis yet"
expect the_coordinator_hears_who_refused_and_why 2 "tax refused" "no legal basis yet" "hint: " -- \
    "$hefu" watch "$id" --coordinator coordinator.yaml
expect the_others_need_not_decide_any_more 0 "cancelled" -- "$hefu" job show "$id" --node bank
expect refusing_needs_a_reason 2 "--reason" -- "$hefu" job refuse "$id" --node bank

# ---- one that is cancelled ----

id=$("$hefu" train risk.yaml --no-wait 2>/dev/null) || true
expect a_coordinator_cancels 0 "cancelled" -- "$hefu" job cancel "$id" --coordinator coordinator.yaml
expect a_cancelled_job_cannot_be_approved 2 "cancelled" -- "$hefu" job approve "$id" --node bank

# ---- one that runs ----

"$hefu" train risk.yaml --json >train.json 2>train.log </dev/null &
train=$!
pids="$pids $train"
wait_until 20 grep -q "hefu job approve" train.log || true
expect the_coordinator_says_who_must_approve 0 "bank and tax" "hefu job approve" -- cat train.log
id=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' train.log)
expect one_operator_approves 0 "bank: job $id is approved" -- "$hefu" job approve "$id" --node bank
expect the_other_operator_approves 0 "tax: job $id is approved" -- "$hefu" job approve "$id" --node tax
code=0
wait "$train" || code=$?
expect the_job_is_done 0 '"auc_test"' '"rows_aligned": 351' -- sh -c 'cat train.json train.log; exit "$0"' "$code"
expect an_operator_watches_to_the_end 0 -- "$hefu" watch "$id" --node tax
expect jobs_are_listed 0 "$id" "done" "refused" "cancelled" -- "$hefu" jobs --node tax
expect a_coordinator_lists_its_jobs 0 "$id" "tax" -- "$hefu" jobs --coordinator coordinator.yaml
expect an_operator_gets_the_report 0 own.html -- "$hefu" report "$id" --node bank --out own.html
expect the_coordinators_report_has_no_columns 1 -- sh -c \
    '"$0" report "$1" --coordinator coordinator.yaml --out agreed.html && grep -qE "tenure|overdraft|turnover" agreed.html' \
    "$hefu" "$id"
expect both_reports_are_pages_of_their_own 0 -- sh -c '! grep -lE "(src|href)=.https?:" own.html agreed.html'

finish
