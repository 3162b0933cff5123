#!/bin/sh
# What goes wrong between institutions is said in words as well: who, why, what to do.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

people bank.csv 1 400 age limit label
people tax.csv 50 450 income paid
consortium auto bank tax >/dev/null 2>&1
"$hefu" table add loans bank.csv --id id --label label --node bank >/dev/null 2>&1
"$hefu" table add incomes tax.csv --id id --node tax >/dev/null 2>&1
start_node bank
bank=$started
wait_until 10 node_answers bank || { cat bank/hefud.log; exit 1; }

expect port_in_use 2 "127.0.0.1:$port" "in use" "hint: " -- sh -c \
    'cp -r bank twin; rm -rf twin/state; exec "$0" --config twin/node.yaml' "$HEFU_BIN/hefud"
expect no_daemon_there 4 "tax" "hint: " -- "$hefu" jobs --node tax

job_file risk.yaml bank=loans tax=incomes
expect peer_unreachable 4 "tax" "127.0.0.1:$((port + 1))" "hint: " -- "$hefu" train risk.yaml

start_node tax
tax=$started
wait_until 10 node_answers tax || { cat tax/hefud.log; exit 1; }

job_file unknown.yaml bank=loans tax=salaries
expect unknown_table 2 "tax" "salaries" "hint: " -- "$hefu" train unknown.yaml
job_file stranger.yaml bank=loans tex=incomes
expect unknown_party 2 "tex" 'did you mean "tax"' -- "$hefu" train stranger.yaml
job_file labels.yaml bank=loans tax=incomes
"$hefu" table add labelled bank.csv --id id --label label --node tax >/dev/null 2>&1
job_file two-labels.yaml bank=loans tax=labelled
expect two_labels 2 "loans of bank" "labelled of tax" "hint: " -- "$hefu" train two-labels.yaml
"$hefu" table add plain bank.csv --id id --node bank >/dev/null 2>&1
job_file no-label.yaml bank=plain tax=incomes
expect no_label 2 "label" "hint: " -- "$hefu" train no-label.yaml
sed 's/min_rows: 100/min_rows: 50/' risk.yaml >policy.yaml
expect policy_refuses 2 "bank" "min_rows" -- "$hefu" train policy.yaml
sed 's/key_bits: 2048/key_bits: 1024/' risk.yaml >short.yaml
expect key_too_short_in_a_job 2 "short.yaml:" "key_bits" "2048" -- "$hefu" train short.yaml

# ---- certificates ----

"$hefu" ca issue ca --name stranger --role coordinator --out stranger >/dev/null
sed 's|: acme|: stranger/stranger|' coordinator.yaml >stranger.yaml2
expect a_coordinator_that_no_node_knows 2 "bank" -- "$hefu" train risk.yaml --coordinator stranger.yaml2

"$hefu" ca init other --name "another consortium" >/dev/null 2>&1
"$hefu" ca issue other --name acme --role coordinator --out foreign >/dev/null
sed 's|: acme|: foreign/acme|' coordinator.yaml >foreign.yaml
expect certificate_of_another_ca 3 "bank" "hint: " -- "$hefu" train risk.yaml --coordinator foreign.yaml

sed '0,/name: bank/s//name: bonk/' coordinator.yaml >wrong-name.yaml
job_file bonk.yaml bonk=loans tax=incomes
expect certificate_of_another_name 3 "bonk" "bank" -- "$hefu" train bonk.yaml --coordinator wrong-name.yaml

"$hefu" ca revoke ca --name tax >/dev/null 2>&1
cp ca/crl.pem crl.pem
expect revoked_certificate 3 "tax" "revoked" "hint: " -- "$hefu" train risk.yaml

kill "$bank" "$tax"
wait "$bank" "$tax" 2>/dev/null || true
cp ca/crl.pem tax/crl.pem
expect a_node_tells_that_its_own_certificate_is_revoked 2 "tax.pem" "revoked" "hint: " -- \
    "$HEFU_BIN/hefud" --config tax/node.yaml

# An expired one: the CA's own tool takes dates.
if command -v openssl >/dev/null; then
    cat >ca.cnf <<'END'
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = default
policy = any
copy_extensions = copy
[any]
commonName = supplied
organizationalUnitName = optional
END
    : >index.txt
    echo 4242 >serial
    openssl req -new -key bank/node.key -subj "/CN=bank/OU=node" -out old.csr 2>/dev/null
    openssl ca -batch -config ca.cnf -cert ca/ca.pem -keyfile ca/ca.key -in old.csr -out bank/bank.pem -notext \
        -startdate 20200101000000Z -enddate 20210101000000Z -preserveDN >/dev/null 2>openssl.log || cat openssl.log
    expect expired_certificate 2 "bank.pem" "expired" "hint: " -- "$HEFU_BIN/hefud" --config bank/node.yaml
fi

finish
