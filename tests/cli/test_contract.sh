#!/bin/sh
# What a contract says of law, audit and data, read and compared by hefu contract; and a node whose policy asks for two
# approvers.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

people bank.csv 1 400 age limit label
people tax.csv 51 450 income paid
consortium ask bank tax >/dev/null 2>&1
sed -i 's/approve: ask/approve: ask\n  approvals: 2/' bank/node.yaml
"$hefu" table add loans bank.csv --id id --label label --node bank >/dev/null 2>&1
"$hefu" table add incomes tax.csv --id id --node tax >/dev/null 2>&1
for node in bank tax; do
    start_node "$node"
    wait_until 20 node_answers "$node" || { cat "$node/hefud.log"; exit 1; }
done

consents=$(printf '%064d' 1)
auditor=ec$(printf '%064d' 2)
job_file risk.yaml bank=loans tax=incomes
cat >>risk.yaml <<END
law:
  consent_root: $consents
  data_level: 3
  authorisations: A-17
audit:
  replay: sealed
  auditor: Auditor and Sons
  auditor_key: $auditor
  retention_days: 30
END
job_file plain.yaml bank=loans tax=incomes

# propose FILE: in the background, waiting for approvals; sets $id and $train.
propose() {
    : >"$1.log"
    "$hefu" train "$1" --json >"$1.out" 2>"$1.log" </dev/null &
    train=$!
    pids="$pids $train"
    wait_until 30 grep -qE 'job [0-9a-f]{16} proposed' "$1.log" || { cat "$1.log"; exit 1; }
    id=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' "$1.log" | head -n 1)
}

sed 's/retention_days: 30/retention_days: 4000/' risk.yaml >long.yaml
expect a_range_is_told_with_line_and_key 2 "long.yaml:22:19: audit.retention_days is 4000, outside 0 to 3650" -- \
    "$hefu" train long.yaml

# ---- show, export, diff ----

propose risk.yaml
first=$id
expect the_operator_reads_law_audit_and_data 0 "until 20" "Legal basis" "$consents" "up to level 3 of 5" "A-17" \
    "for replay on its premises by Auditor and Sons alone" "30 days beyond the window" "rows    " \
    "What each party receives, and nothing else" "--as NAME --key FILE" -- "$hefu" job show "$first" --node bank
expect every_field_is_there_for_machines 0 '"replay": "sealed"' '"consent batch root": "'"$consents" '"tax: data root": "' \
    '"outputs": "weights, scores, metrics' -- "$hefu" job show "$first" --node bank --json
expect a_contract_is_exported_byte_for_byte 0 "first.contract: contract $first" -- \
    "$hefu" contract export "$first" first.contract --node tax
expect a_file_is_not_written_over 2 "first.contract" -- "$hefu" contract export "$first" first.contract --node tax
expect it_is_read_without_a_node 0 "Contract   $first" "Auditor and Sons" -- "$hefu" contract show first.contract
expect by_machines_too 0 '"days of retention": "30"' '"contract": "'"$first" -- "$hefu" contract show first.contract --json
expect a_file_and_its_job_are_the_same 0 "the contracts are the same" -- \
    "$hefu" contract diff first.contract "$first" --node bank
cp first.contract cut.contract
printf x >>cut.contract
expect what_is_no_contract_is_refused 2 "cut.contract: the contract does not decode" -- "$hefu" contract show cut.contract
expect a_word_that_is_neither_is_explained 2 "not a job id" "hint: " -- "$hefu" contract show nonsense --node bank
"$hefu" job cancel "$first" >/dev/null 2>&1
wait "$train" 2>/dev/null || true

propose plain.yaml
expect what_changed_is_told_field_by_field 1 "authorisations" "  was  A-17" "  is   (nothing)" "  was  sealed" "  is   off" \
    "the contracts differ in" -- "$hefu" contract diff first.contract "$id"
# shellcheck disable=SC2154
if grep -qE '^(bank|tax): data root|^passes' "$work/said.out"; then not_ok what_is_equal_is_not_told; else ok what_is_equal_is_not_told; fi
expect differences_for_machines 1 '"same": false' '"field": "replay"' '"was": "sealed"' '"is": "off"' -- \
    "$hefu" contract diff first.contract "$id" --json

# ---- two approvers at bank, one operator at tax ----

expect a_person_makes_a_key 0 -- "$hefu" node approver key ada.key
ada=$(cat said.out)
expect which_only_that_person_reads 0 "-rw-------" -- ls -l ada.key
expect another_makes_another 0 -- "$hefu" node approver key bob.key
bob=$(cat said.out)
expect too_few_are_found_by_the_check 2 "approvers" "0 registered, policy.approvals is 2" -- "$hefu" node check --node bank
expect they_are_registered 0 "approver ada is registered" -- "$hefu" node approver add ada "$ada" --node bank
expect one_key_is_one_person 2 "of that name or with that key" -- "$hefu" node approver add eve "$ada" --node bank
expect a_key_has_66_digits 2 "66 hexadecimal digits" -- "$hefu" node approver add eve 1234 --node bank
expect they_are_registered_too 0 -- "$hefu" node approver add bob "$bob" --node bank
expect they_are_listed 0 "ada" "$bob" -- "$hefu" node approver list --node bank

expect the_operator_alone_is_refused 2 "asks for 2 approvers, and 0 of them signed" "--as NAME --key FILE" -- \
    "$hefu" job approve "$id" --node bank
expect a_name_needs_a_key 2 "--as and --key go together" -- "$hefu" job approve "$id" --as ada --node bank
expect another_persons_key_is_refused 2 "not the signature of approver ada" -- \
    "$hefu" job approve "$id" --as ada --key bob.key --node bank
expect the_first_signs 0 "is awaiting_approval" "signed by 1 of 2 approvers" -- \
    "$hefu" job approve "$id" --as ada --key ada.key --node bank
expect not_twice 2 "ada has signed attempt 1" -- "$hefu" job approve "$id" --as ada --key ada.key --node bank
expect the_second_signs 0 "is approved" -- "$hefu" job approve "$id" --as bob --key bob.key --node bank
expect both_are_shown 0 "Who has signed attempt 1 (2 needed)" "$ada" "$bob" -- "$hefu" job show "$id" --node bank
expect tax_asks_its_operator_alone 0 "is approved" -- "$hefu" job approve "$id" --node tax
code=0
wait "$train" || code=$?
[ "$code" = 0 ] && ok then_it_is_trained || { cat plain.yaml.log >"$work/said"; not_ok then_it_is_trained; }
for node in bank tax; do "$hefu" evidence export "$id" --node $node --out $node.hefu >>"$work/log" 2>&1; done
expect the_evidence_names_who_signed 0 "bank: 2 signed (ada, bob); tax: one operator's policy, no personal signatures" -- \
    "$HEFU_BIN/hefu-audit" verify bank.hefu tax.hefu
left=$(find bank/state/sessions tax/state/sessions -name '*.sealed')
if [ -z "$left" ]; then ok with_replay_off_no_seed_is_left; else echo "$left" >"$work/said"; not_ok with_replay_off_no_seed_is_left; fi

# ---- the table that a contract commits to ----

propose risk.yaml
sed 's/^\(p000400,[0-9]*\),[0-9]*/\1,1/' bank.csv >other.csv
cmp -s bank.csv other.csv && not_ok the_test_changes_a_value
cp other.csv bank.csv
expect a_changed_table_is_not_approved 2 "its rows are not those that the contract commits to" "hint: " -- \
    "$hefu" job approve "$id" --as ada --key ada.key --node bank
finish
