#!/bin/sh
# Seeds sealed to an auditor, seeds destroyed when a session has ended, and what is left to show of both: two real nodes.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
audit=$HEFU_BIN/hefu-audit

expect an_auditor_makes_a_key 0 "auditor_key: " "is secret and stays with you" -- "$audit" keygen auditor.key
auditor_key=$(sed -n 's/^auditor_key: //p' said.out)
expect its_public_half_is_66_digits 0 -- sh -c 'echo "$1" | grep -qE "^ec[0-9a-f]{64}$"' - "$auditor_key"
expect a_key_is_never_replaced 2 "auditor.key: exists already" -- "$audit" keygen auditor.key
"$audit" keygen other.key >/dev/null 2>&1

people bank.csv 1 220 age label
people shop.csv 1 220 spent
consortium auto bank shop >/dev/null 2>&1
"$hefu" table add loans bank.csv --id id --label label --node bank >/dev/null 2>&1
"$hefu" table add sales shop.csv --id id --node shop >/dev/null 2>&1
for node in bank shop; do
    start_node "$node"
    wait_until 20 node_answers "$node" || { cat "$node/hefud.log"; exit 1; }
done

# train NAME, AUDIT LINE...: a job with that audit section; its session is $session, its evidence NAME-bank.hefu, NAME-shop.hefu.
train() {
    job=$1
    shift
    job_file "$job.yaml" bank=loans shop=sales
    printf 'audit:\n' >>"$job.yaml"
    printf '  %s\n' "$@" >>"$job.yaml"
    "$hefu" train "$job.yaml" --quiet >train.out 2>&1 || { cat train.out; exit 1; }
    session=$(sed -nE 's/^job ([0-9a-f]{16}) is done.*/\1/p' train.out)-0
}
of_shop=shop/state/sessions

# ---- sealed to an auditor ----

train sealed 'replay: sealed' 'auditor: Auditor and Sons' "auditor_key: $auditor_key" 'retention_days: 30'
expect the_node_keeps_no_seed_of_its_own 0 -- \
    sh -c '[ ! -e "$1/seed.sealed" ] && [ ! -e "$1/start.sealed" ] && [ -e "$1/seed.audit" ] && [ -e "$1/bodies" ]' - "$of_shop/$session"
expect nor_can_it_replay 2 "the seed is sealed to Auditor and Sons" "--audit-key FILE" -- "$audit" replay --node shop --session "$session"
expect the_auditor_can 0 "PASS: replay agrees" "sealed to Auditor and Sons on" -- \
    "$audit" replay --node shop --session "$session" --audit-key auditor.key
expect another_key_is_refused_by_name 1 "the key is not that of Auditor and Sons" -- \
    "$audit" replay --node shop --session "$session" --audit-key other.key
expect an_identity_key_is_no_auditors_key 2 "the key is neither x25519 nor sm2" -- "$audit" replay --node shop --session "$session" --audit-key shop/node.key
cp "$of_shop/$session/seed.audit" seal.kept
cp "bank/state/sessions/$session/seed.audit" "$of_shop/$session/seed.audit"
expect the_seal_of_another_party_is_refused 1 "the seal is of another party" -- \
    "$audit" replay --node shop --session "$session" --audit-key auditor.key
{ head -c 147 seal.kept; printf XXXX; tail -c 49 seal.kept; } >"$of_shop/$session/seed.audit"
expect a_changed_seal_is_refused 1 "the seal was changed" -- \
    "$audit" replay --node shop --session "$session" --audit-key auditor.key
cp seal.kept "$of_shop/$session/seed.audit"
rm bank/state/sessions/"$session"/bodies "$of_shop/$session/bodies"
expect all_parties_replay_together_with_that_key 0 "PASS: joint replay agrees" -- \
    "$audit" joint-replay --session "$session" --party bank=bank --party shop=shop --audit-key auditor.key
expect nothing_is_destroyed_before_its_day 2 "is kept until" "as its contract says" "every party signed that" -- \
    "$hefu" evidence destroy "$session" --node shop
expect the_seal_is_still_there 0 -- cmp seal.kept "$of_shop/$session/seed.audit"
sealed=$session

# ---- two sessions of one job ----

"$hefu" prepare sealed.yaml --quiet >prepare.out 2>&1
id=$(sed -nE 's/^job ([0-9a-f]{16}) is prepared.*/\1/p' prepare.out)
expect an_offline_session_is_sealed_when_it_has_ended 0 -- \
    sh -c '[ ! -e "$1-offline/seed.sealed" ] && [ -e "$1-offline/seed.audit" ] && [ -e "$1-online/seed.sealed" ]' - "$of_shop/$id-0"
expect its_preparation_is_still_good 0 "is done" -- "$hefu" train "$id" --quiet
expect so_is_the_online_session 0 -- \
    sh -c '[ ! -e "$1-online/seed.sealed" ] && [ -e "$1-online/seed.audit" ] && [ -e "$1-offline/seed.audit" ]' - "$of_shop/$id-0"
expect the_auditor_replays_one_after_the_other 0 "PASS: replay agrees" "after those of its offline session" -- \
    "$audit" replay --node shop --session "$id" --audit-key auditor.key
cp "$of_shop/$id-0-offline/seed.audit" "$of_shop/$id-0-online/seed.audit"
expect one_is_not_the_other 1 "the seal is of another session of this contract" -- \
    "$audit" replay --node shop --session "$id" --audit-key auditor.key

# ---- destroyed at the end ----

train off 'replay: off'
expect nothing_that_replays_is_left 0 -- \
    sh -c '[ ! -e "$1/seed.sealed" ] && [ ! -e "$1/start.sealed" ] && [ ! -e "$1/bodies" ] && [ -e "$1/destroyed" ]' - \
    "$of_shop/$session"
expect destroying_again_changes_nothing 0 "were already destroyed" -- "$hefu" evidence destroy "$session" --node shop
for node in bank shop; do
    "$hefu" evidence export "$session" --node "$node" --out "$node.hefu" >/dev/null 2>&1
done
expect the_operator_sees_what_is_kept 0 "secrets  sealed to the auditor, until" "secrets  destroyed" -- \
    "$hefu" evidence list --node shop
expect the_evidence_says_so_signed 0 "transcript verified" "2 signed that seed and bodies are gone" -- "$audit" verify bank.hefu shop.hefu
"$hefu" evidence export "$sealed" --node shop --out early.hefu >/dev/null 2>&1
expect what_is_kept_is_said_to_be_kept 0 "seeds are kept until" -- "$audit" verify early.hefu
cp "$of_shop/$session/destroyed" "$of_shop/$sealed/destroyed"
"$hefu" evidence export "$sealed" --node shop --out early.hefu --force >/dev/null 2>&1
expect a_statement_of_another_session_does_not_count 1 "it is about another session" -- "$audit" verify early.hefu

finish
