#!/bin/sh
# The consortium's CA, node directories, tables and the manners of the command line; certificates are checked by the
# openssl program as well.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

# ---- manners ----

expect help_fits_one_screen 0 "ca " "node " "table " -- "$hefu" --help
[ "$(wc -l <said.out)" -le 24 ] && [ ! -s said.err ] && ok help_is_short || not_ok help_is_short
expect version 0 "hefu 0." -- "$hefu" --version
expect no_command 2 "hefu: error: hefu needs a command" "hefu: hint: " -- "$hefu"
expect nearest_command 2 'hefu: hint: did you mean "hefu table"?' -- "$hefu" tabel
expect nearest_subcommand 2 'did you mean "hefu ca issue"?' -- "$hefu" ca isue
expect subcommand_help 0 "Usage: hefu ca issue" "--csr FILE" -- "$hefu" ca issue --help
expect help_puts_first_what_must_be_there 0 \
    "Usage: hefu try --party NAME=FILE... --id COLUMN --label COLUMN [OPTION...]" "Such as" -- "$hefu" try --help
for command in "ca issue" "node trust" "table add" try train "job show" report; do
    # shellcheck disable=SC2086  # two words
    expect "help_fits_80_columns, $command" 0 -- sh -c '"$@" --help | awk "length > 79 { exit 1 }"' sh "$hefu" $command
done
expect nearest_option 2 'unknown option "--rolle"' "did you mean --role?" -- "$hefu" ca issue ca --rolle=node
expect option_without_value 2 "--name needs a value" "hefu ca issue --help" -- "$hefu" ca issue ca --name
expect flag_with_value 2 "--json takes no value" -- "$hefu" ca list ca --json=1
expect missing_option 2 "--name PARTY is missing" -- "$hefu" ca issue ca --role node --out x
expect missing_argument 2 "hefu ca list needs DIR" -- "$hefu" ca list
expect superfluous_argument 2 'unexpected argument "b"' -- "$hefu" ca list a b
expect repeated_option 2 "--name is given twice" -- "$hefu" ca init ca --name a --name b
expect number_out_of_range 2 '--days is "0", not a whole number from 1 to 3650' -- \
    "$hefu" ca issue ca --name x --role node --out y --days 0
expect full_disk 4 "the result could not be written" -- sh -c '"$1" --help >/dev/full' sh "$hefu"

# ---- the CA ----

expect ca_init 0 "ca/ca.pem" -- "$hefu" ca init ca --name "Credit consortium"
expect ca_init_keeps_an_old_ca 2 "ca/ca.key: exists already" -- "$hefu" ca init ca --name again
expect ca_missing 2 "no consortium CA" "hefu ca init" -- "$hefu" ca issue nowhere --name x --role node --out y
expect node_init 0 "bank/node.yaml" "hefu ca issue" -- "$hefu" node init bank --name bank --ca ca/ca.pem
expect node_init_keeps_an_old_node 2 "exists already" -- "$hefu" node init bank --name bank
expect node_init_bad_name 2 '"The Bank" is not a party name' -- "$hefu" node init x --name "The Bank"
expect node_init_bad_address 2 "not an address such as tcp://" -- "$hefu" node init x --name x --listen localhost
expect issue_for_a_request 0 "fingerprint" "valid until" -- \
    "$hefu" ca issue ca --csr bank/node.csr --name bank --role node --out bank
expect request_of_another_name 2 'the request is for "bank", not for tax' -- \
    "$hefu" ca issue ca --csr bank/node.csr --name tax --role node --out tax
expect coordinator_init 0 "office/coordinator.yaml" "--role coordinator --csr office.csr" -- \
    "$hefu" coordinator init office --name office --ca ca/ca.pem
expect coordinator_init_keeps_an_old_one 2 "office/coordinator.yaml: exists already" -- \
    "$hefu" coordinator init office --name office
expect coordinator_init_bad_name 2 '"The Office" is not a party name' -- "$hefu" coordinator init x --name "The Office"
expect init_without_its_ca_leaves_nothing 2 "nowhere.pem: cannot be read" -- sh -c '
    "$1" node init half --name half --ca nowhere.pem; code=$?; [ ! -e half ] && exit $code' sh "$hefu"
expect unknown_role 2 'not node, coordinator or auditor' -- "$hefu" ca issue ca --name x --role king --out y
expect issue_with_key 0 "tax/tax.pem" -- "$hefu" ca issue ca --name tax --role node --out tax --days 100
expect issue_coordinator 0 '"role": "coordinator"' -- \
    "$hefu" ca issue ca --name office --role coordinator --csr office/office.csr --out office --json
expect list 0 "bank" "tax" "office" "valid" -- "$hefu" ca list ca
expect list_json 0 '"state": "valid"' -- "$hefu" ca list ca --json

modes=$(stat -c '%a' ca/ca.key bank/node.key tax/tax.key office/coordinator.key bank/state bank | tr '\n' ' ')
[ "$modes" = "600 600 600 600 700 700 " ] && ok private_files || { echo "$modes" >said; not_ok private_files; }

expect openssl_verifies 0 "bank/bank.pem: OK" "tax/tax.pem: OK" -- \
    openssl verify -x509_strict -CAfile ca/ca.pem bank/bank.pem tax/tax.pem
expect openssl_sees_the_subject 0 "CN = bank" "OU = node" "DNS:bank" "TLS Web Server Authentication" \
    "TLS Web Client Authentication" "CA:FALSE" "ED25519" -- openssl x509 -in bank/bank.pem -noout -text
expect openssl_finds_the_key_in_the_certificate 0 -- sh -c \
    '[ "$(openssl x509 -in bank/bank.pem -noout -pubkey)" = "$(openssl pkey -in bank/node.key -pubout)" ]'
expect the_fingerprint_is_the_one_of_openssl 0 -- sh -c '[ "$("$1" ca show tax/tax.pem | sed -n "s/^fingerprint *//p")" = \
    "$(openssl x509 -in tax/tax.pem -noout -fingerprint -sha256 | sed "s/.*=//; s/://g" | tr A-F a-f)" ]' sh "$hefu"
expect a_request_of_openssl_is_signed 0 "own/own.pem" -- sh -c 'umask 077; mkdir own
    openssl genpkey -algorithm ed25519 -out own/own.key
    openssl req -new -key own/own.key -subj /CN=own -out own/own.csr
    "$1" ca issue ca --csr own/own.csr --name own --role auditor --out own' sh "$hefu"

# ---- a node's directory ----

expect trust_a_peer 0 "node tax is trusted" -- \
    "$hefu" node trust tax/tax.pem --address tcp://127.0.0.1:7102 --node bank
expect trust_a_coordinator 0 "coordinator office is trusted" -- "$hefu" node trust office/office.pem --node bank
expect trust_needs_an_address 2 "--address is missing: tax is a node" -- "$hefu" node trust tax/tax.pem --node bank
expect trust_not_oneself 2 "bank is this node itself" -- \
    "$hefu" node trust bank/bank.pem --address tcp://127.0.0.1:7101 --node bank
expect trust_no_auditor 2 "own is an auditor" -- "$hefu" node trust own/own.pem --node bank
"$hefu" ca init ca2 --name "Credit consortium" >/dev/null 2>&1
"$hefu" ca issue ca2 --name social --role node --out social2 >/dev/null
expect trust_no_foreign_certificate 3 "the certificate of social was not issued by" -- \
    "$hefu" node trust social2/social.pem --address tcp://127.0.0.1:7103 --node bank
expect node_check 0 "ok " "certificate" "tax" "office" -- "$hefu" node check --node bank
expect node_check_json 0 '"state": "ok"' -- "$hefu" node check --node bank --json
expect node_show 0 "tcp://127.0.0.1:7102" "asks the operator" -- "$hefu" node show --node bank
expect node_show_hides_the_key 0 '"key": "(hidden)"' '"handshake_s": 20' -- "$hefu" node show --node bank --json

# A renewed certificate takes the place of the old pin, and the rest of the file stays.
cp bank/node.yaml before.yaml
"$hefu" ca issue ca --name tax --role node --out tax-new >/dev/null
expect trust_a_renewed_certificate 0 "node tax is trusted" -- \
    "$hefu" node trust tax-new/tax.pem --address tcp://127.0.0.1:7102 --node bank
expect only_the_pin_has_changed 0 -- sh -c '[ "$(diff before.yaml bank/node.yaml | grep -c "^[<>].*fingerprint")" = 2 ] &&
    [ "$(diff before.yaml bank/node.yaml | grep -c "^[<>]")" = 2 ]'

# A coordinator's file: empty, then with nodes, also one that people have laid out in their own way.
printf 'name: x\npurpose: x\ntables:\n  - {party: bank, table: a}\n  - {party: tax, table: b}\n' >job.yaml
expect train_without_nodes 2 "office/coordinator.yaml lists no node" "hefu node trust NODE.pem --address" -- \
    "$hefu" train job.yaml --coordinator office
expect coordinator_check_without_nodes 0 "warning  nodes" "ok       certificate" -- "$hefu" coordinator check office
expect trust_in_a_coordinators_file 0 "node tax is trusted" -- \
    "$hefu" node trust tax-new/tax.pem --address tcp://127.0.0.1:7102 --coordinator office/coordinator.yaml
expect trust_in_a_coordinators_directory 0 "node bank is trusted" -- \
    "$hefu" node trust bank/bank.pem --address tcp://127.0.0.1:7101 --coordinator office
expect trust_no_coordinator_in_a_coordinators_file 2 "office is no node" -- \
    "$hefu" node trust office/office.pem --coordinator office
expect coordinator_check 0 "office/coordinator.yaml" "tax            pinned" "bank           pinned" -- \
    "$hefu" coordinator check office/coordinator.yaml
expect coordinator_check_json 0 '"what": "tax"' -- "$hefu" coordinator check office --json
expect coordinator_show 0 "tcp://127.0.0.1:7102" "fingerprint" -- "$hefu" coordinator show office
expect coordinator_show_hides_the_key 0 '"key": "(hidden)"' '"name": "bank"' -- "$hefu" coordinator show office --json
expect coordinator_check_wrong_role 2 "has the role node, not coordinator" "the coordinator is not ready" -- sh -c '
    cp -r office broken && "$1" ca issue ca --name office --role node --csr office/office.csr --out broken >/dev/null &&
    "$1" coordinator check broken' sh "$hefu"
expect trust_keeps_the_layout_of_a_list 0 "node bank is trusted" -- sh -c '
    sed "/^nodes:/,\$d" office/coordinator.yaml >own/coordinator.yaml
    pin=$("$1" ca show tax-new/tax.pem | sed -n "s/^fingerprint *//p")
    printf "nodes:\n- name: tax\n  address: tcp://127.0.0.1:7102\n  fingerprint: $pin\n" >>own/coordinator.yaml
    "$1" node trust bank/bank.pem --address tcp://127.0.0.1:7101 --coordinator own/coordinator.yaml &&
    grep -q "^- name: bank" own/coordinator.yaml' sh "$hefu"
rm -rf broken

expect check_wrong_key 2 "bad " "belongs to another key" "the node is not ready" -- sh -c 'cp -r bank broken &&
    cp tax/tax.key broken/node.key && "$1" node check --node broken' sh "$hefu"
expect check_open_key 2 "mode 644 lets others in" "chmod 600" -- sh -c 'rm -rf broken && cp -r bank broken &&
    chmod 644 broken/node.key && "$1" node check --node broken' sh "$hefu"
expect check_open_state 2 "lets others in" "chmod 700" -- sh -c 'rm -rf broken && cp -r bank broken &&
    chmod 755 broken/state && "$1" node check --node broken' sh "$hefu"
expect check_wrong_name 2 "is for tax, and this node is bank" -- sh -c 'rm -rf broken && cp -r bank broken &&
    cp tax/tax.pem broken/bank.pem && cp tax/tax.key broken/node.key && "$1" node check --node broken' sh "$hefu"
expect check_wrong_role 2 "has the role coordinator, not node" -- sh -c 'rm -rf broken && cp -r bank broken &&
    "$1" ca issue ca --name bank --role coordinator --csr bank/node.csr --out broken >/dev/null &&
    "$1" node check --node broken' sh "$hefu"
expect check_wrong_ca 2 "was not issued by" -- sh -c 'rm -rf broken && cp -r bank broken &&
    cp ca2/ca.pem ca2/crl.pem broken && "$1" node check --node broken' sh "$hefu"
expect check_wrong_pin 2 "is not the certificate pinned" -- sh -c 'rm -rf broken && cp -r bank broken &&
    cp tax/tax.pem broken/peers/tax.pem && "$1" node check --node broken' sh "$hefu"
expect check_missing_certificate 2 "bank.pem is not there yet" "hefu ca issue" -- sh -c 'rm -rf broken && cp -r bank broken &&
    rm broken/bank.pem && "$1" node check --node broken' sh "$hefu"
expect check_bad_yaml 2 'broken/node.yaml:4:12: state_dir must be a text' -- sh -c 'rm -rf broken && cp -r bank broken &&
    sed -i "s/^state_dir:.*/state_dir: [a]/" broken/node.yaml && "$1" node check --node broken' sh "$hefu"
expect check_soon_expired 0 "warning  certificate" "expires on" -- sh -c 'rm -rf broken && cp -r bank broken &&
    "$1" ca issue ca --name bank --role node --csr bank/node.csr --days 20 --out broken >/dev/null &&
    "$1" node check --node broken' sh "$hefu"
expect check_no_node 2 "nowhere/node.yaml: there is no such file" "--node DIR" "hefu node init" -- "$hefu" node check --node nowhere

expect node_that_does_not_run 4 "no daemon answers in bank/state" "hefud --config" -- "$hefu" jobs --node bank
expect nodes_of_a_coordinator_that_do_not_run 4 "hefu: warning: " "hefu: error: " -- \
    "$hefu" jobs --coordinator office

# ---- revoking ----

expect revoke_by_name 0 "2 certificates revoked" -- "$hefu" ca revoke ca --name tax
expect revoke_again 2 "is revoked already" "hefu ca list" -- "$hefu" ca revoke ca --name tax
expect revoke_unknown_serial 2 "no certificate of 00FF was issued here" -- "$hefu" ca revoke ca 00FF
expect revoke_what 2 "a serial number or --name" -- "$hefu" ca revoke ca
serial=$("$hefu" ca show office/office.pem | sed -n 's/^serial *//p')
expect revoke_by_serial 0 "1 certificate revoked" -- "$hefu" ca revoke ca "$serial"
expect crl 0 "crl.pem" -- "$hefu" ca crl ca --out crl.pem
expect openssl_checks_the_list 0 "verify OK" -- openssl crl -in crl.pem -CAfile ca/ca.pem -noout
expect openssl_reads_the_list 0 "$serial" "X509v3 CRL Number" -- openssl crl -in crl.pem -noout -text
expect openssl_sees_the_revocation 2 "certificate revoked" -- \
    openssl verify -crl_check -CRLfile crl.pem -CAfile ca/ca.pem tax/tax.pem
expect openssl_accepts_the_others 0 "bank/bank.pem: OK" -- \
    openssl verify -crl_check -CRLfile crl.pem -CAfile ca/ca.pem bank/bank.pem
expect check_sees_the_revocation 2 "the certificate of tax (serial " "is revoked" -- sh -c 'cp crl.pem bank/crl.pem &&
    "$1" node check --node bank' sh "$hefu"

# ---- tables ----

people customers.csv 1 300 age limit label
expect table_add 0 "people        300" "label column  label" -- \
    "$hefu" table add customers customers.csv --id id --label label --node bank
expect table_add_twice 2 'there is a table "customers" already' "hefu table remove" -- \
    "$hefu" table add customers customers.csv --id id --node bank
expect table_add_missing_file 2 "nothing.csv" "no such file" -- "$hefu" table add x nothing.csv --id id --node bank
expect table_add_missing_column 2 "customers.csv" '"ide"' -- "$hefu" table add x customers.csv --id ide --node bank
expect table_add_bad_rule 2 "not first or refuse" -- \
    "$hefu" table add x customers.csv --id id --on-duplicate last --node bank
expect table_add_bad_name 2 '"A b" is not a table name' -- "$hefu" table add "A b" customers.csv --id id --node bank
expect table_list 0 "customers" "300" "label" -- "$hefu" table list --node bank
expect table_list_json 0 '"rows": 300' -- "$hefu" table list --node bank --json
expect table_show 0 "$work/customers.csv" -- "$hefu" table show customers --node bank
expect table_nearest 2 'no table "custmers" is registered' 'did you mean "customers"?' -- \
    "$hefu" table show custmers --node bank
expect check_lost_table 2 "its file $work/customers.csv is gone" -- sh -c 'mv customers.csv away.csv &&
    "$1" node check --node bank' sh "$hefu"
expect table_remove 0 "customers is forgotten" -- "$hefu" table remove customers --node bank
expect table_remove_again 2 'no table "customers" is registered' -- "$hefu" table remove customers --node bank

finish
