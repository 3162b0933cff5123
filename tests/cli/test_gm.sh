#!/bin/sh
# Suite GM1 at real nodes: SM2 certificates by a CA of their own, refusals where they are missing, a job from proposal to replay.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
audit=$HEFU_BIN/hefu-audit

people bank.csv 1 220 age label
people shop.csv 1 220 spent

# ---- in one command ----

expect a_trial_in_gm1 0 '"verified": true' '"rows_aligned": 220' -- "$hefu" try --suite GM1 --party bank=bank.csv \
    --party shop=shop.csv --id id --label label --key-bits 2048 --passes 2 --sigmoid linear --out try --json --quiet
expect its_evidence_verifies 0 "transcript verified" "issued by the CA, in force then and not revoked" -- \
    "$audit" verify --gm-ca try/ca-gm/ca.pem --gm-crl try/ca-gm/crl.pem try/evidence/bank.hefu try/evidence/shop.hefu
expect the_other_ca_issued_none_of_its_certificates 1 "FAIL" "holds an sm2 key, was not issued by try/ca/ca.pem" -- \
    "$audit" verify --gm-ca try/ca/ca.pem try/evidence/bank.hefu try/evidence/shop.hefu
cp try/evidence/shop.hefu changed.hefu
printf X | dd of=changed.hefu bs=1 seek=$(($(wc -c <changed.hefu) / 2)) conv=notrunc 2>/dev/null
expect a_changed_byte_does_not 1 -- "$audit" verify --gm-ca try/ca-gm/ca.pem try/evidence/bank.hefu changed.hefu
trial=$(basename try/nodes/bank/state/sessions/*)
expect it_replays 0 "PASS: replay agrees" -- "$audit" replay --node try/nodes/bank --session "$trial"
expect the_contract_says_its_suite_in_words 0 "Suite      GM1: SM2 signatures" "SM3 hashes" "SM4" -- \
    "$hefu" contract show "try/nodes/bank/state/sessions/$trial/contract"
expect openssl_verifies_the_certificate 0 "bank-gm.pem: OK" -- \
    openssl verify -vfyopt distid:1234567812345678 -CAfile try/ca-gm/ca.pem try/nodes/bank/bank-gm.pem
expect under_no_other_identity 2 "signature failure" -- \
    openssl verify -vfyopt distid:8765432187654321 -CAfile try/ca-gm/ca.pem try/nodes/bank/bank-gm.pem
expect tls_has_the_other_certificate 0 "Public Key Algorithm: ED25519" -- openssl x509 -in try/nodes/bank/bank.pem -noout -text
expect no_such_suite 2 '--suite is "GM2", not INT1 or GM1' -- \
    "$hefu" try --suite GM2 --party bank=bank.csv --party shop=shop.csv --id id --label label

"$hefu" try --party bank=bank.csv --party shop=shop.csv --id id --label label --key-bits 2048 --passes 2 --sigmoid linear \
    --out plain --quiet >/dev/null 2>&1
both="try/evidence/bank.hefu try/evidence/shop.hefu plain/evidence/bank.hefu plain/evidence/shop.hefu"
# shellcheck disable=SC2086
expect sessions_of_both_suites_have_a_ca_each 0 "all 2 sessions together" "all sessions verified" -- "$audit" verify $both \
    --ca plain/ca/ca.pem --crl plain/ca/crl.pem --gm-ca try/ca-gm/ca.pem --gm-crl try/ca-gm/crl.pem
expect and_both_are_checked 0 2 -- grep -c "^V2   OK " said
# shellcheck disable=SC2086
expect without_its_own_one_is_not_checked 0 "give --gm-ca and --gm-crl" "all sessions verified" -- \
    "$audit" verify $both --ca plain/ca/ca.pem --crl plain/ca/crl.pem
# shellcheck disable=SC2086
expect the_page_has_both 0 "transcript verified" -- "$audit" report $both --html both.html \
    --ca plain/ca/ca.pem --crl plain/ca/crl.pem --gm-ca try/ca-gm/ca.pem --gm-crl try/ca-gm/crl.pem

# ---- a consortium that adds it ----

expect an_auditor_makes_an_sm2_key 0 "auditor_key: 0" -- "$audit" keygen --suite GM1 auditor.key
auditor_key=$(sed -n 's/^auditor_key: //p' said.out)
consortium auto bank shop >/dev/null 2>&1
"$hefu" table add loans bank.csv --id id --label label --node bank >/dev/null 2>&1
"$hefu" table add sales shop.csv --id id --node shop >/dev/null 2>&1
job_file gm.yaml bank=loans shop=sales
printf 'suite: GM1\naudit:\n  replay: sealed\n  auditor: Auditor and Sons\n  auditor_key: %s\n' "$auditor_key" >>gm.yaml

# begin, again: both nodes, with what node.yaml says now.
begin() {
    running=
    for node in bank shop; do
        start_node "$node"
        running="$running $started"
        wait_until 20 node_answers "$node" || { cat "$node/hefud.log"; exit 1; }
    done
}
again() {
    for pid in $running; do
        kill "$pid"
        wait "$pid" 2>/dev/null || true
    done
    begin
}
begin
expect a_node_without_an_sm2_certificate_refuses 2 "bank takes no part in contracts of suite GM1: it has no sm2 certificate" \
    "hefu node gm" -- "$hefu" train gm.yaml --quiet
expect check_says_that_there_is_none 0 "ok       gm " "contracts of suite GM1 are refused" -- "$hefu" node check --node bank
expect show_too 0 "suite GM1     not yet" -- "$hefu" node show --node bank

expect an_sm2_ca 0 "ca-sm2/ca.pem" "PARTY-gm.csr" -- "$hefu" ca init ca-sm2 --name "test consortium" --suite GM1
for node in bank shop; do
    expect "${node}_makes_a_key" 0 "$node/node-gm.csr" -- "$hefu" node gm --node "$node"
done
expect the_key_is_private 0 -- sh -c '[ "$(stat -c %a bank/node-gm.key)" = 600 ]'
expect a_second_time_is_refused 2 "names an sm2 certificate already" -- "$hefu" node gm --node bank
expect check_misses_the_certificate 2 "bank-gm.pem is not there yet" -- "$hefu" node check --node bank
expect the_first_ca_does_not_sign_it 2 "the key of the request is not ed25519" -- \
    "$hefu" ca issue ca --name bank --role node --csr bank/node-gm.csr --out bank
for node in bank shop; do
    expect "${node}_is_issued_a_certificate" 0 "$node/$node-gm.pem" -- \
        "$hefu" ca issue ca-sm2 --name "$node" --role node --csr "$node/node-gm.csr" --out "$node"
done
expect openssl_accepts_the_request 0 "verify OK" -- \
    openssl req -in bank/node-gm.csr -noout -verify -vfyopt distid:1234567812345678
expect ca_show_says_the_suite 0 "suite        GM1" -- "$hefu" ca show bank/bank-gm.pem
expect check_wants_the_peers_pinned 0 "ok       gm certificate" "ok       gm crl" "warning  gm shop" "hefu node trust shop-gm.pem" -- \
    "$hefu" node check --node bank
again
expect the_daemon_checks_both 0 "suites INT1 and GM1: fine" -- "$HEFU_BIN/hefud" --config bank/node.yaml --check
expect a_peer_that_is_not_pinned_is_refused 2 "bank does not know the sm2 certificate of shop" -- "$hefu" train gm.yaml --quiet
expect trust_needs_no_address 0 "node shop is trusted in contracts of suite GM1" -- "$hefu" node trust shop/shop-gm.pem --node bank
expect trust_takes_none 2 "--address goes with the first certificate" -- \
    "$hefu" node trust shop/shop-gm.pem --node bank --address tcp://127.0.0.1:1
"$hefu" node trust bank/bank-gm.pem --node shop >/dev/null
expect one_pin_beside_the_other 0 -- sh -c '[ "$(grep -c "fingerprint: " bank/node.yaml)" = 3 ] &&
    [ "$(grep -c "^    gm_fingerprint: " bank/node.yaml)" = 1 ]'
expect check_is_content 0 "ok       gm shop        pinned, certificate in order" -- "$hefu" node check --node bank
again
expect the_coordinator_wants_a_pin_too 2 "this coordinator does not know the sm2 certificate of bank" -- "$hefu" train gm.yaml --quiet
expect which_needs_its_ca 2 "coordinator.yaml has no gm" -- "$hefu" node trust bank/bank-gm.pem --coordinator coordinator.yaml
printf 'gm:\n  ca: ca-sm2/ca.pem\n  crl: ca-sm2/crl.pem\n' >>coordinator.yaml
for node in bank shop; do
    expect "the_coordinator_pins_$node" 0 "is trusted in contracts of suite GM1" -- \
        "$hefu" node trust "$node/$node-gm.pem" --coordinator coordinator.yaml
done

# ---- a job, from proposal to replay ----

expect the_job_is_trained 0 "is done" "220 people common" -- "$hefu" train gm.yaml --quiet
job=$(sed -nE 's/^job ([0-9a-f]{16}) is done.*/\1/p' said.out)
expect job_show_says_the_suite 0 "Suite      GM1: SM2" -- "$hefu" job show "$job" --node shop
expect the_node_cannot_replay 2 "the seed is sealed to Auditor and Sons" -- "$audit" replay --node shop --session "$job"
expect the_auditor_can 0 "PASS: replay agrees" -- "$audit" replay --node shop --session "$job" --audit-key auditor.key
for node in bank shop; do
    "$hefu" evidence export "$job" --node "$node" --out "$node.hefu" >/dev/null
done
expect the_evidence_verifies 0 "transcript verified" "not revoked" -- \
    "$audit" verify --gm-ca ca-sm2/ca.pem --gm-crl ca-sm2/crl.pem bank.hefu shop.hefu

expect a_preparation_is_made 0 "is prepared" -- "$hefu" prepare gm.yaml --quiet
expect and_trained 0 "is done" -- "$hefu" train gm.yaml --quiet
job=$(sed -nE 's/^job ([0-9a-f]{16}) is done.*/\1/p' said.out)
expect the_auditor_replays_both_sessions 0 "PASS: replay agrees" "after those of its offline session" -- \
    "$audit" replay --node shop --session "$job" --audit-key auditor.key

# ---- a key that is gone when the session begins; a suite insisted on ----

expect another_preparation_is_made 0 "is prepared" -- "$hefu" prepare gm.yaml --quiet
job=$(sed -nE 's/^job ([0-9a-f]{16}) is prepared.*/\1/p' said.out)
cp bank/node.yaml node.kept
sed -i '/^gm:/,/crl-gm.pem/d' bank/node.yaml # the daemon has read it, the worker has not
expect a_worker_without_its_key_says_so 2 "the key that bank has in this contract, of suite GM1, is no more the one in node.yaml" -- \
    "$hefu" train "$job" --quiet
expect before_it_begins_anything 0 -- sh -c '[ ! -e "$1" ]' - "bank/state/sessions/$job-0-online/log"
cp node.kept bank/node.yaml
sed -i 's/^policy:/policy:\n  suites: [GM1]/' bank/node.yaml
again
sed '/^suite:/d; /^audit:/,$d' gm.yaml >int1.yaml
expect a_node_may_insist_on_gm1 2 "the policy of bank takes no contracts of suite INT1" -- "$hefu" train int1.yaml --quiet
expect and_shows_that 0 "contracts of suite GM1 alone" -- "$hefu" node show --node bank
cp node.kept bank/node.yaml
again

# ---- whoever is revoked takes part no more ----

expect revoked 0 "1 certificate revoked" -- "$hefu" ca revoke ca-sm2 --name shop
cp ca-sm2/crl.pem bank/crl-gm.pem
expect the_bank_refuses 2 "the certificate of shop (serial " "is revoked" -- "$hefu" train gm.yaml --quiet
sed -i '/^suite:/d; /^audit:/,$d' gm.yaml
expect int1_goes_on_as_before 0 "is done" -- "$hefu" train gm.yaml --quiet
expect an_approvers_sm2_key 0 -- sh -c '"$1" node approver key --suite GM1 ada.key >ada.pub &&
    "$1" node approver add ada "$(cat ada.pub)" --node bank && grep -qE "^0[23]" ada.pub' - "$hefu"

finish
