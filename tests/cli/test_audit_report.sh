#!/bin/sh
# The auditor's pages and statements on what a real session leaves behind.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
audit=$HEFU_BIN/hefu-audit

people bank.csv 1 260 age limit label
people shop.csv 1 260 spent late
expect a_session_to_report_on 0 '"verified": true' -- "$hefu" try --party bank=bank.csv --party shop=shop.csv \
    --id id --label label --key-bits 2048 --passes 4 --out out --json --quiet

# page TEXT... in the page that was written last
page() {
    for text in "$@"; do
        grep -qF -- "$text" page.html || return 1
    done
}

# ---- report ----

expect the_report_of_all_files_says_that_they_hold 0 "page.html: transcript verified" -- \
    "$audit" report out/evidence/bank.hefu out/evidence/shop.hefu --ca out/ca/ca.pem --crl out/ca/crl.pem --html page.html
expect it_shows_verdicts_timeline_and_statements 0 -- page "✓" "in force then and not revoked" "<svg class=\"lanes\"" \
    "passes 2–3, each" "What left this building" "离开本机构的内容" "None given."
expect no_check_fails_on_it 1 -- grep -qE '<tr class="fail">|✗' page.html
expect it_has_every_check_that_verify_makes 0 -- sh -c '
    "$1" verify out/evidence/bank.hefu out/evidence/shop.hefu --json | sed -nE "s/.*\"check\": \"([a-z]+)\".*/\1/p" >checks
    [ -s checks ] && while read -r check; do grep -qF "<th scope=\"row\">$check</th>" page.html || exit 1; done <checks' \
    sh "$audit"
# The verdicts and findings of the rules, in order, from the page and from verify.
rules_of_page() {
    tr '\n' ' ' <page.html | sed 's/<tr /\n<tr /g' | sed -nE \
        's/^<tr .*<span class="en" lang="en">([A-Za-z ]+)<\/span>.*<th scope="row">(V[0-9]+)<\/th>.*<span class="finding" lang="en">([^<]*)<.*/\2|\1|\3/p' |
        sed "s/|holds|/|OK|/; s/|FAILS|/|FAIL|/; s/&#39;/'/g"
}
rules_of_verify() {
    "$audit" verify out/evidence/bank.hefu out/evidence/shop.hefu --ca out/ca/ca.pem --crl out/ca/crl.pem --json |
        sed -nE 's/^ *"(rule|verdict|text)": "(.*)",?$/\1 \2/p' |
        awk '/^rule / { rule = $2 } /^verdict / { verdict = substr($0, 9); if (verdict == "ok") verdict = "OK"
             if (verdict == "unchecked") verdict = "not checked" } /^text / && rule { print rule "|" verdict "|" substr($0, 6); rule = "" }'
}
rules_of_page >rules.page
rules_of_verify >rules.verify
if [ "$(wc -l <rules.page)" = 28 ] && cmp -s rules.page rules.verify; then
    ok its_rules_are_those_that_verify_prints
else
    diff rules.page rules.verify >said || true
    not_ok its_rules_are_those_that_verify_prints
fi
expect it_loads_nothing_and_runs_nothing 1 -- grep -qE '<script|https?:|src=|url\(|@import|<link' page.html
expect no_column_name_is_on_it 1 -- grep -qE "spent|[^a-z ]late<|[^a-z ]limit<" page.html
expect it_is_for_its_owners_eyes 0 "-rw-------" -- ls -l page.html
expect in_chinese_first 0 -- sh -c '"$1" report out/evidence/*.hefu --lang zh --html page.html && grep -q "id=\"zh\" checked" page.html' \
    sh "$audit"

expect one_file_is_enough_and_what_it_leaves_open_is_said 0 -- sh -c '
    "$1" report out/evidence/shop.hefu --html page.html && grep -qF "the log of bank was not given" page.html &&
    grep -qF "what the contract implies for a session that ran to its end" page.html' sh "$audit"

size=$(wc -c <out/evidence/bank.hefu)
cp out/evidence/bank.hefu changed.hefu
printf 'X' | dd of=changed.hefu bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
expect a_changed_file_is_reported 1 "page.html: transcript NOT verified" -- \
    "$audit" report changed.hefu out/evidence/shop.hefu --html page.html
expect and_its_page_names_the_record 0 -- page '<tr class="fail">' "log of bank, record" "✗"

# ---- statement ----

expect a_statement_of_what_left 0 "Disclosure statement of shop" "What left this building" "To: bank; 1 messages, 96 B" \
    "hidden by encryption or commitment" "the signed log of this party" "What no transcript can show" -- \
    "$audit" statement out/evidence/shop.hefu
expect in_chinese 0 "披露声明——shop" "半诚实模型" "本方已签名的日志" -- "$audit" statement out/evidence/shop.hefu --lang zh
expect of_a_party_whose_file_is_missing 0 "Disclosure statement of bank" "the log of this party was not given" -- \
    "$audit" statement out/evidence/shop.hefu --party bank
expect a_statement_as_a_page 0 -- sh -c '"$1" statement out/evidence/shop.hefu --html page.html && grep -qF "not checked here" page.html' \
    sh "$audit"

# ---- show ----

expect several_files_tell_their_stories 0 "evidence of bank" "evidence of shop" "joint checkpoints: entries and root" \
    "approvals, each by the key" -- "$audit" show out/evidence/bank.hefu out/evidence/shop.hefu
expect as_a_list_for_machines 0 '"evidence_of": "bank"' '"evidence_of": "shop"' '"session_key"' -- \
    "$audit" show --json out/evidence/bank.hefu out/evidence/shop.hefu

expect the_program_stays_small 0 -- sh -c '
    nm -D "$1" | grep -q __asan_init || [ "$(wc -c <"$1")" -lt 3000000 ]' sh "$audit"

finish
