#!/bin/sh
# Three real nodes on loopback, and what ends a job early: a limit, an operator, a crash, a restart, silence, a changed
# table.  Each end is named on every node, within the deadline.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

people bank.csv 1 1500 age limit label
people tax.csv 101 1600 income paid
people social.csv 51 1550 years insured
people few.csv 1450 2900 income paid
consortium auto bank tax social >/dev/null 2>&1
"$hefu" table add loans bank.csv --id id --label label --node bank >/dev/null 2>&1
"$hefu" table add incomes tax.csv --id id --node tax >/dev/null 2>&1
"$hefu" table add few few.csv --id id --node tax >/dev/null 2>&1
"$hefu" table add years social.csv --id id --node social >/dev/null 2>&1
for node in bank tax social; do
    people "small-$node.csv" 1 700 one two label
done
"$hefu" table add small small-bank.csv --id id --label label --node bank >/dev/null 2>&1
"$hefu" table add small small-tax.csv --id id --node tax >/dev/null 2>&1
"$hefu" table add small small-social.csv --id id --node social >/dev/null 2>&1
for node in bank tax social; do
    sed -i 's/  peer_s: 10/  peer_s: 6\n  step_s: 15/' "$node/node.yaml"
done

# up NODE: its daemon runs and answers; its process is $pid_NODE.
up() {
    start_node "$1"
    eval "pid_$1=$started"
    wait_until 20 node_answers "$1" || { cat "$1/hefud.log"; exit 1; }
}

# gone PROCESS: it does not exist any more.
gone() {
    ! kill -0 "$1"
}

# running NODE ID: its worker is at work, beyond the handshake.
running() {
    "$hefu" job show "$2" --node "$1" --json | grep -qE '"phase": "(align|prepare|train)"'
}

# stands NODE ID STATE TEXT: the job has that state at that node, and the words of its end hold the text.
stands() {
    "$hefu" job show "$2" --node "$1" --json >"$work/said" 2>&1
    grep -q "\"state\": \"$3\"" "$work/said" && grep -qF -- "$4" "$work/said"
}

# ends TEST NODE SECONDS ID STATE TEXT
ends() {
    if wait_until "$3" stands "$2" "$4" "$5" "$6"; then
        ok "$1, $2"
    else
        echo "expected within $3 s: $5: $6" >>"$work/said"
        tail -n 5 "$2/hefud.log" >>"$work/said"
        not_ok "$1, $2"
    fi
}

# begin JOB.yaml: proposes and starts a job in the background and waits until all three are at work; sets $id.
begin() {
    : >"$1.log" # before the loop below looks into it
    "$hefu" train "$1" --json >"$1.out" 2>"$1.log" </dev/null &
    train=$!
    pids="$pids $train"
    wait_until 30 grep -qE 'job [0-9a-f]{16} proposed' "$1.log" || { cat "$1.log"; exit 1; }
    id=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' "$1.log" | head -n 1)
    for node in bank tax social; do
        wait_until 60 running "$node" "$id" || { cat "$1.log" "$node/hefud.log"; exit 1; }
    done
}

# workers PROCESS: its children.
workers() {
    for stat in /proc/[0-9]*/stat; do
        sed 's/^\([0-9]*\) (.*) . \([0-9]*\) .*/\1 \2/' "$stat" 2>/dev/null || true
    done | awk -v parent="$1" '$2 == parent { print $1 }'
}

worker() {
    eval "workers \"\$pid_$1\""
}

# heard TEST TEXT...: hefu train has ended, and its error names these.
heard() {
    name=$1
    shift
    code=0
    wait "$train" || code=$?
    cp "$work/$job.log" "$work/said"
    [ "$code" != 0 ] || { echo "exit code 0" >>"$work/said"; not_ok "$name"; return 0; }
    for text; do
        grep -qF -- "$text" "$work/said" || { echo "expected: $text" >>"$work/said"; not_ok "$name"; return 0; }
    done
    ok "$name"
}

# ---- before anything runs ----

expect check_says_that_all_is_well 0 "bank" "fine" -- "$HEFU_BIN/hefud" --config bank/node.yaml --check
expect check_names_what_is_wrong 2 "wrong.yaml:" "listen" -- sh -c \
    'sed "s/^listen: .*/listen: nowhere/" bank/node.yaml >bank/wrong.yaml; exec "$0" --config bank/wrong.yaml --check' \
    "$HEFU_BIN/hefud"
expect usage_is_2 2 -- "$HEFU_BIN/hefud" --no-such-option
expect a_worker_is_not_started_by_hand 2 -- "$HEFU_BIN/hefud" --worker nowhere --config bank/node.yaml

for node in bank tax social; do
    up "$node"
done
expect one_daemon_for_a_state_directory 2 "another hefud, process $pid_bank" "hint: " -- \
    "$HEFU_BIN/hefud" --config bank/node.yaml

job_file long.yaml bank=loans tax=incomes social=years
sed -i 's/passes: 2/passes: 16/' long.yaml
job_file small.yaml bank=small tax=small social=small
sed -i 's/passes: 2/passes: 16/' small.yaml
job_file few.yaml bank=loans tax=few social=years
job=long.yaml

# ---- a limit of the contract ----

"$hefu" train few.yaml >few.yaml.out 2>few.yaml.log </dev/null &
train=$!
job=few.yaml
heard too_few_common_people "51 people are common" "100"
id=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' few.yaml.log | head -n 1)
for node in bank tax social; do
    ends too_few_common_people "$node" 10 "$id" failed "51 people are common"
done

# ---- an operator stops it ----

job=long.yaml
begin long.yaml
expect an_operator_cancels 0 -- "$hefu" job cancel "$id" --node tax
ends a_job_is_cancelled tax 15 "$id" cancelled "cancelled by the operator of tax"
ends a_job_is_cancelled bank 15 "$id" failed "tax stopped: it was cancelled by its operator"
ends a_job_is_cancelled social 15 "$id" failed "tax stopped: it was cancelled by its operator"
heard the_coordinator_hears_of_the_cancellation "cancelled"

# ---- a worker crashes ----

begin long.yaml
kill -KILL "$(worker social)"
ends a_worker_is_killed social 10 "$id" failed "ended by signal 9"
ends a_worker_is_killed bank 15 "$id" failed "social stopped: it failed there"
ends a_worker_is_killed tax 15 "$id" failed "social stopped: it failed there"
heard the_coordinator_hears_of_the_crash "social" "signal 9"

# ---- a node stops in order, and comes back ----

begin long.yaml
kill -TERM "$pid_tax"
expect a_node_stops_in_order_and_soon 0 -- wait_until 12 gone "$pid_tax"
code=0
wait "$pid_tax" || code=$?
expect a_node_that_was_asked_to_stop_exits_with_0 0 -- test "$code" = 0
ends a_node_is_stopped bank 15 "$id" failed "tax stopped: its node is shutting down"
ends a_node_is_stopped social 15 "$id" failed "tax stopped: its node is shutting down"
up tax
ends a_node_is_stopped tax 5 "$id" failed "this node was shut down while the job was running"
heard the_coordinator_hears_that_the_node_stopped "tax"

# ---- a node dies and is started again ----

begin long.yaml
lost=$(worker tax)
kill -KILL "$pid_tax"
expect a_worker_does_not_outlive_its_daemon 0 -- wait_until 10 gone "$lost"
up tax
ends a_node_is_restarted tax 5 "$id" failed "this node restarted while the job was running"
ends a_node_is_restarted bank 30 "$id" failed "tax"
ends a_node_is_restarted social 30 "$id" failed "tax"
heard the_coordinator_hears_of_the_restart "tax" "restarted"

# ---- a node dies and stays away ----

begin long.yaml
kill -KILL "$pid_tax"
ends a_node_stays_away bank 40 "$id" failed "tax"
ends a_node_stays_away social 40 "$id" failed "tax"
heard the_coordinator_hears_who_is_away "tax"
up tax
ends a_node_stays_away tax 5 "$id" failed "this node restarted while the job was running"

# ---- a worker hangs ----
# With few people the others soon need something of it, and deadlines.step_s begins.

job=small.yaml
begin small.yaml
hung=$(worker social)
kill -STOP "$hung"
ends a_worker_hangs bank 120 "$id" failed ""
ends a_worker_hangs tax 120 "$id" failed ""
ends a_worker_hangs social 30 "$id" failed "stopped: a deadline passed there"
expect a_hung_worker_is_removed 0 -- wait_until 15 gone "$hung"
heard the_coordinator_hears_who_hangs "social can be reached but has said nothing for 15 s"
job=long.yaml

# ---- the table changes under the job ----

sed -i 's/approve: auto/approve: ask/' bank/node.yaml
kill -TERM "$pid_bank"
wait "$pid_bank" || true
up bank
: >long.yaml.log
"$hefu" train long.yaml >long.yaml.out 2>long.yaml.log </dev/null &
train=$!
pids="$pids $train"
wait_until 30 grep -q "bank to approve" long.yaml.log || cat long.yaml.log
id=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' long.yaml.log | head -n 1)
echo "p999999,1,2" >>tax.csv
expect the_operator_approves 0 "approved" -- "$hefu" job approve "$id" --node bank
ends the_table_has_changed tax 20 "$id" failed "the table has changed since the job was proposed"
ends the_table_has_changed bank 20 "$id" failed "tax stopped: it failed there"
ends the_table_has_changed social 20 "$id" failed "tax stopped: it failed there"
heard the_coordinator_hears_whose_table_changed "tax" "has changed"

# ---- what a log holds ----

kill -HUP "$pid_bank"
expect certificates_are_read_again_on_request 0 -- wait_until 5 grep -q "read again" bank/hefud.log
expect a_log_has_levels_and_no_data 1 -- grep -lvE '^hefud: (info|warning|error|hint|debug): ' bank/hefud.log
for node in bank tax social; do
    expect "no_worker_is_left, $node" 0 -- test -z "$(worker "$node")"
done

finish
