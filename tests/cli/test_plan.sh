#!/bin/sh
# hefu plan: what it takes, what it says, what it refuses.  Nothing here depends on how fast the machine is.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

cat >job.yaml <<'EOF'
name: credit
purpose: to plan
tables:
  - party: bank
    table: people
  - party: tax
    table: people
key_bits: 2048
EOF

expect help 0 "Usage: hefu plan [JOB]" "--calibrate" "--bandwidth RATE" -- "$hefu" plan --help
expect a_job_is_missing 2 "a JOB is missing" -- "$hefu" plan
expect not_both 2 "either a JOB or --calibrate" -- "$hefu" plan job.yaml --calibrate
expect no_such_file 2 "no.yaml" -- "$hefu" plan no.yaml
expect sizes_are_asked_for 2 "the size of the table of tax is not known" "--table tax=ROWSxCOLUMNS" -- \
    "$hefu" plan job.yaml --table bank=20000x8
expect a_bad_size 2 "--table tax=20000: not a size" -- "$hefu" plan job.yaml --table bank=20000x8 --table tax=20000
expect a_bad_size_of_bins 2 "not a size" -- "$hefu" plan job.yaml --table bank=20000x8x65 --table tax=20000x4
expect an_unknown_party 2 "the job has no such party" -- "$hefu" plan job.yaml --table post=20000x8
expect a_bad_bandwidth 2 "--bandwidth is \"fast\"" "hint: such as 100mbit" -- "$hefu" plan job.yaml --bandwidth fast
expect a_bad_round_trip 2 "--rtt is \"20\"" -- "$hefu" plan job.yaml --rtt 20
expect too_many_rows 2 "3000 common people are more than the 2000 of tax" -- \
    "$hefu" plan job.yaml --table bank=20000x8 --table tax=2000x4 --rows 3000

expect a_job_file_is_planned 0 "2 parties, 2048-bit keys" "20000 common to all at most" "typical ones" "prepare" "  encrypt" "memory" -- \
    "$hefu" plan job.yaml --table bank=30000x8 --table tax=20000x4x8 --bandwidth 100mbit --rtt 20ms
(cat job.yaml && echo "suite: GM1") >gm1.yaml
expect so_is_one_of_the_other_suite 0 "2 parties, 2048-bit keys" -- "$hefu" plan gm1.yaml --table bank=30000x8 --table tax=20000x4x8
expect as_json 0 '"rates_measured": false' '"memory_bytes"' '"rows_train": 10500' -- \
    "$hefu" plan job.yaml --table bank=30000x8 --table tax=20000x4 --rows 15000 --label tax --json
expect as_lines 0 -- "$hefu" plan job.yaml --table bank=30000x8 --table tax=20000x4 --lines
cp "$work/said.out" lines
expect lines_are_whole 0 -- awk -F '\t' 'NF != 5 || $3 < 0 { bad++ } END { exit !(NR == 22 && !bad) }' lines

expect rates_must_be_there 2 "nowhere.json" -- "$hefu" plan job.yaml --rates nowhere.json --table bank=30000x8 --table tax=20000x4
echo '{}' >rates.json
expect rates_must_be_rates 2 "rates.json: this is no file of rates" "hint: hefu plan --calibrate" -- \
    "$hefu" plan job.yaml --table bank=30000x8 --table tax=20000x4
expect calibration 0 "measuring" "rates.json" -- "$hefu" plan --calibrate --quick --key-bits 2048
expect measured_rates_are_used 0 "measured 20" -- "$hefu" plan job.yaml --table bank=30000x8 --table tax=20000x4
expect an_unmeasured_key_is_said 0 "typical ones for keys of this length" -- \
    sh -c 'sed s/2048/3072/ job.yaml >longer.yaml; "$0" plan longer.yaml --table bank=30000x8 --table tax=20000x4' "$hefu"

# ---- a training that ran: its contract is planned, its report compares ----

people lender.csv 1 400 age limit label
people utility.csv 1 400 usage late
expect a_training 0 '"verified": true' -- "$hefu" try --party lender=lender.csv --party utility=utility.csv --id id \
    --label label --key-bits 2048 --passes 2 --sigmoid linear --out out --json --quiet
cp "$work/said.out" actual.json
expect its_contract_is_planned 0 '"job": "hefu-try"' -- \
    "$hefu" plan out/nodes/lender/state/sessions/*/contract --rows 400 --json
cp "$work/said.out" predicted.json
bytes() { # bytes FILE, PARTY: what it sent in all
    sed -n "/\"$2\"/,\$p" "$1" | sed -n '/"bytes_sent"/,/}/p' | sed -n 's/.*"total": \([0-9]*\).*/\1/p' | head -n 1
}
sent=$(sed -n '/"bytes_sent"/,/}/s/.*"lender": \([0-9]*\).*/\1/p' actual.json)
expect bytes_come_true 0 -- test "$sent" = "$(bytes predicted.json lender)"
expect the_report_compares 0 "CPU predicted" -- cat out/report.html
expect the_result_compares 0 '"cpu_seconds_actual"' -- sh -c 'cat out/nodes/lender/state/sessions/*/result.json'
expect table_is_for_job_files 2 "--table and --label are for a JOB.yaml" -- \
    "$hefu" plan out/nodes/lender/state/sessions/*/contract --table lender=10x2

# ---- a job that nodes know ----

job=$(ls out/nodes/lender/state/sessions)
job=${job%-*}
for node in lender utility; do
    start_node "out/nodes/$node"
    wait_until 20 node_answers "out/nodes/$node"
done
expect a_node_plans_its_job 0 "job        hefu-try" "measured 20" -- "$hefu" plan "$job" --node out/nodes/lender
expect a_coordinator_plans_its_job 0 "job        hefu-try" "typical ones" -- \
    "$hefu" plan "$job" --coordinator out/coordinator/coordinator.yaml
expect a_job_that_nobody_knows 2 "0123456789abcdef" -- "$hefu" plan 0123456789abcdef --node out/nodes/lender
finish
