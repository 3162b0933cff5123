#!/bin/sh
# hefu evidence with two real nodes: what they ask to be stamped, an authority that is away, that lies and that comes back,
# a notary that fails, the file an auditor gets, and what hefu-audit says of it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
audit=$HEFU_BIN/hefu-audit
tsa=$HEFU_BIN/../tests/tsa
[ -x "$tsa" ] || { echo "no $tsa"; exit 77; }
unset http_proxy HTTP_PROXY

# authority DIR [OPTION...]: a timestamping authority; its port is in DIR/tsa-port, its CA in DIR/tsa-ca.pem.
authority() {
    dir=$1
    mkdir -p "$dir"
    rm -f "$dir/tsa-port"
    "$tsa" "$@" >"$dir/tsa.log" 2>&1 </dev/null &
    pids="$pids $!"
    authority_pid=$!
    wait_until 20 test -s "$dir/tsa-port" || { cat "$dir/tsa.log"; exit 1; }
}

# use NODE AUTHORITY [CA OF HTTPS]: its node.yaml names that authority.
use() {
    scheme=http${3:+s}
    sed -i '/^evidence:/,$d' "$1/node.yaml"
    printf 'evidence:\n  tsa_url: %s://127.0.0.1:%s/tsr\n  tsa_ca: ../%s/tsa-ca.pem\n' "$scheme" "$(cat "$2/tsa-port")" "$2" \
        >>"$1/node.yaml"
    [ -z "${3-}" ] || printf '  tsa_tls_ca: ../%s\n' "$3" >>"$1/node.yaml"
}

# ---- a session; the authority is away all the while ----

people bank.csv 1 400 age limit label
people tax.csv 1 400 income paid
consortium auto bank tax >/dev/null 2>&1
"$hefu" table add loans bank.csv --id id --label label --node bank >/dev/null 2>&1
"$hefu" table add incomes tax.csv --id id --node tax >/dev/null 2>&1
authority time
use bank time
printf '  tsa_policy: 1.2.3.77\n' >>bank/node.yaml # which no authority here has: a mistake, corrected below
kill "$authority_pid"
expect nothing_is_there_before_the_first_session 0 "no sessions" -- "$hefu" evidence list --node bank
for node in bank tax; do
    start_node "$node"
    wait_until 20 node_answers "$node" || { cat "$node/hefud.log"; exit 1; }
done
job_file job.yaml bank=loans tax=incomes
"$hefu" train job.yaml --quiet >train.log 2>&1 || { cat train.log bank/hefud.log; exit 1; }
session=$(ls bank/state/sessions)
kept=bank/state/sessions/$session

expect a_node_asks_by_itself_and_waits 0 "$session" "start    waiting, due by" "end      waiting, due by" -- \
    "$hefu" evidence list --node bank
expect a_node_without_an_authority_asks_nothing 1 -- test -e "tax/state/sessions/$session/stamp-start.request"
expect an_authority_that_is_away_is_told_and_nothing_is_lost 4 "2 still wait" "does not answer" "nothing is lost" -- \
    "$hefu" evidence stamp --once --node bank
expect the_failure_is_listed 0 "tried 1 time: http://127.0.0.1" "end      waiting, due by" -- \
    "$hefu" evidence list --node bank
expect and_in_json 0 '"state": "waiting"' '"tries": 1' '"job": "job"' -- "$hefu" evidence list --json --node bank

# ---- authorities that lie ----

for evil in digest nonce eku expired weak; do
    authority "lie-$evil" --evil "$evil"
    use bank "lie-$evil"
    expect "a_lie_is_refused_$evil" 3 "2 still wait" -- "$hefu" evidence stamp --once --node bank
    kill "$authority_pid"
done
authority web --manner html
use bank web
expect a_web_server_is_no_authority 3 "does not answer like a timestamping authority" -- \
    "$hefu" evidence stamp --once --node bank
authority rejects --evil refuse
use bank rejects
expect a_refusal_is_told 2 "refuses: it does not take SHA-256 (badAlg)" "another authority may not" -- \
    "$hefu" evidence stamp --node bank
expect a_refusal_is_listed_as_final 0 "start    the timestamping authority refuses: it does not take SHA-256 (badAlg)" -- \
    "$hefu" evidence list --node bank
expect a_refusal_is_final_in_json 0 '"state": "refused"' -- "$hefu" evidence list --json --node bank

# ---- https ----

for manner in host expired stranger old; do
    authority "tls-$manner" --tls 1 --manner "$manner"
    use bank "tls-$manner" "tls-$manner/tsa-tls.pem"
    expect "a_server_is_refused_$manner" 3 "2 still wait" "https://127.0.0.1" -- "$hefu" evidence stamp --once --node bank
    kill "$authority_pid"
done
expect its_reason_is_listed 0 "start    waiting, due by" "https://127.0.0.1" "does not speak TLS 1.2 or newer" -- \
    "$hefu" evidence list --node bank
authority elsewhere --manner redirect
use bank elsewhere
expect a_redirect_is_not_followed 2 "sends us to another address, which is not followed" -- \
    "$hefu" evidence stamp --once --node bank
authority stranger
authority friend --tls 1
use bank stranger
cp friend/tsa-ca.pem stranger/tsa-ca.pem
expect an_authority_of_another_ca_is_refused 3 "the authority's certificate does not count" -- \
    "$hefu" evidence stamp --once --node bank
expect no_lie_was_kept 1 -- test -e "$kept/stamp-start.answer"

# ---- export before anything came, and with everything ----

expect evidence_is_exported_with_what_there_is 0 "bank-$session.hefu" "no message, no seed, no data" \
    "start stamp: waiting" "deposit: none" "Check it:  hefu-audit verify bank-$session.hefu" -- \
    "$hefu" evidence export "$(echo "$session" | cut -c 1-6)" --node bank
expect what_was_not_given_is_said 0 "the end: not given" "a third party: not given" -- \
    "$audit" verify "bank-$session.hefu" --tsa-ca friend/tsa-ca.pem
expect a_file_is_not_replaced 2 "is there already" "--force" -- "$hefu" evidence export "$session" --node bank
use bank friend friend/tsa-tls.pem
expect the_authority_comes_back 0 "$session start: 20" "by test time" "$session end: 20" -- \
    "$hefu" evidence stamp --node bank
expect nothing_waits_any_more 0 -- "$hefu" evidence stamp --once --node bank
expect openssl_agrees 0 "Verification: OK" -- openssl ts -verify -token_in -in "$kept/stamp-end.answer" \
    -queryfile "$kept/stamp-end.request" -CAfile friend/tsa-ca.pem

expect a_notary_that_fails_is_told_and_waits 2 "failed with exit code 5" "waits in the queue" -- \
    "$hefu" evidence deposit "$session" --adapter 'cat >/dev/null; exit 5' --node bank
expect a_deposit_that_failed_is_listed 0 "deposit  waiting, due by" "failed with exit code 5" -- \
    "$hefu" evidence list --node bank
expect another_adapter_may_be_queued 0 "waiting for hefu evidence stamp" -- "$hefu" evidence deposit "$session" --queue \
    --adapter 'tee told; echo block 4711' --node bank
expect what_waits_is_deposited 0 "$session deposit: receipt of" -- "$hefu" evidence stamp --once --node bank
expect the_notary_was_told_ids_and_counts 0 '"contract":"' '"end":"' '"parties":2' -- cat told
expect it_was_told_little 0 -- test "$(wc -c <told)" -lt 300
expect a_session_is_deposited_once 2 "is deposited already" -- "$hefu" evidence deposit "$session" --adapter cat --node bank

expect export_replaces_when_told 0 "start stamp: 20" "end stamp: 20" "deposit: receipt of" "--tsa-ca bank/../friend/tsa-ca.pem" \
    -- "$hefu" evidence export "$session" --node bank --force
"$hefu" evidence export "$session" --node tax --out tax.hefu >/dev/null
expect all_of_it_verifies 0 "the end: agreed by" "a third party: 1 of this session" \
    "transcript verified: 2 logs" -- "$audit" verify "bank-$session.hefu" tax.hefu --ca ca/ca.pem --tsa-ca friend/tsa-ca.pem
expect without_their_ca_tokens_are_not_believed 0 "V22  not checked" "give --tsa-ca" -- "$audit" verify "bank-$session.hefu"
expect another_ca_is_a_failure 1 "transcript NOT verified: timestamps: the START timestamp of bank" -- \
    "$audit" verify "bank-$session.hefu" --tsa-ca web/tsa-ca.pem

# ---- tampering with what is kept ----

cp "$kept/stamp-start.answer" start.answer
cp "$kept/stamp-end.answer" end.answer
cp end.answer "$kept/stamp-start.answer"
"$hefu" evidence export "$session" --node bank --out swapped.hefu >/dev/null
expect a_swapped_token_is_found 1 "the START timestamp of bank: it is over another digest" -- \
    "$audit" verify swapped.hefu --tsa-ca friend/tsa-ca.pem
head -c 1000 start.answer >"$kept/stamp-start.answer"
"$hefu" evidence export "$session" --node bank --out cut.hefu >/dev/null
expect a_cut_token_is_found 1 "the START timestamp of bank: it is not one whole token in DER" -- \
    "$audit" verify cut.hefu --tsa-ca friend/tsa-ca.pem
cp start.answer "$kept/stamp-start.answer"

# ---- mistakes ----

cp -r "$kept" bank/state/sessions/0000000000000000-0
rm bank/state/sessions/0000000000000000-0/stamp-*.answer
printf '{' >bank/state/sessions/0000000000000000-0/stamp-end.state
expect a_damaged_session_does_not_keep_the_others 2 "0000000000000000-0: bank/" "stamp-end.state is damaged" \
    "0000000000000000-0 start: 20" -- "$hefu" evidence stamp --once --node bank
expect two_sessions_are_told_apart 2 "2 sessions begin with" "say which: " -- "$hefu" evidence export "" --node bank
rm -r bank/state/sessions/0000000000000000-0

expect an_unknown_session_is_named 2 "there is no session ffff" "hefu evidence list" -- \
    "$hefu" evidence export ffff --node bank
expect a_deposit_needs_an_adapter 2 "adapter" -- "$hefu" evidence deposit "$session" --node bank
sed -i 's|tsa_url: .*|tsa_url: ftp://127.0.0.1|' bank/node.yaml
expect a_strange_address_is_refused_with_its_line 2 "node.yaml:" "tsa_url" "an address such as https://" -- \
    "$hefu" evidence list --node bank

finish
