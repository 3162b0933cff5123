#!/bin/sh
# What README.md says to type works as it is written: its fenced blocks are taken out and run.  Only ports, the job's ID
# and the size of the work (a part of the sample, keys of 2048 bits, two passes) are put in.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# As in a checkout that has been built; of the sample the people whose number has 0 to 3 as its last digit.
mkdir -p "$work/build" "$work/demo" "$work/configs/sample"
ln -s "$HEFU_BIN" "$work/build/bin"
for party in bank tax social; do
    awk 'NR == 1 || substr($0, 17, 1) < 4' "$root/configs/sample/$party.csv" >"$work/configs/sample/$party.csv"
done
cd "$work/demo"

# section TITLE: what its fenced blocks hold.
section() {
    awk -v title="## $1" '/^## / { inside = $0 == title }
        inside && /^```/ { fenced = !fenced; next }
        inside && fenced' "$root/README.md"
}

# ---- a consortium in three terminals ----

port=$((20000 + ($$ * 17) % 11000))
section "A consortium in three terminals" >words
# A person is not as quick as this script: the nodes are given time to come up.
cat >set_up.sh <<'END'
answers() {
    left=100
    until hefu jobs --node "$1" >/dev/null 2>&1 || [ $left = 0 ]; do left=$((left - 1)); sleep 0.2; done
}
END
# shellcheck disable=SC2016  # for the script
sed -n '1,/^hefu train/p' words |
    sed "s/:7101/:$port/g; s/:7102/:$((port + 1))/g; s/^name: autumn.*/&\nkey_bits: 2048\ntraining: {passes: 2}/" |
    sed 's/^mkdir -p demo && cd demo && //
        s/^hefu train.*/answers bank; answers tax\n{ & >train.out 2>train.log || :; echo ended >train.end; } \&/
        s/ &$/ \& echo $! >>pids/' >>set_up.sh
sed '1,/^hefu train/d' words >decide.sh

[ "$(grep -c '^hefu' set_up.sh)" -ge 18 ] || { cp words "$work/said"; not_ok the_commands_of_the_section_are_found; }
expect a_consortium_is_set_up 0 "node bank is trusted" "coordinator office is trusted" "ok       certificate" -- \
    sh -eux set_up.sh
pids=$(cat pids)
expect hefu_node_check_has_nothing_to_warn_of 1 -- grep -E "^(warning|bad) " "$work/said"

if ! wait_until 60 grep -q "bank and tax to approve" train.log; then
    cp train.log "$work/said"
    not_ok the_coordinator_waits_for_both
    finish
fi
id=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' train.log)
# shellcheck disable=SC2016  # for the script
sed "s/ID/$id/" decide.sh |
    sed '0,/^hefu report/s//left=600; until [ -e train.end ] || [ $left = 0 ]; do left=$((left - 1)); sleep 0.5; done\n&/' \
        >decide_now.sh
expect operators_read_decide_and_report 0 "$id" "bank: job $id is" "To take part:" "office.html" -- \
    env PATH="$HEFU_BIN:$PATH" sh -eux decide_now.sh
expect the_coordinator_hears_of_the_end 0 "job $id is done" "joint" -- cat train.out
expect reports_are_there 0 "</html>" -- tail -n 1 bank.html office.html

# ---- one's own files, and the auditor ----

cp ../configs/sample/*.csv .
section "Your own files" | sed '/^hefu try/s/$/ --key-bits 2048 --passes 2/' >try.sh
expect ones_own_files 0 "transcript verified" "hefu-out/report.html" -- env PATH="$HEFU_BIN:$PATH" sh -eux try.sh
id=$(sed -nE 's/^replay .*--session ([0-9a-f]+)$/\1/p' "$work/said.out")
section "The auditor" | sed "s/ID/$id/" >audit.sh
expect the_auditor 0 "transcript verified" "evidence of bank" "replay agrees" -- \
    env PATH="$HEFU_BIN:$PATH" sh -eux audit.sh

finish
