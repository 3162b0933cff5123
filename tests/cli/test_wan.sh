#!/bin/sh
# The network that tests/bench/wan.sh trains over: the delay is there, the rate is not exceeded, bytes arrive unharmed.
# Says nothing of how much slower a busy machine makes it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/bench/wan_lib.sh
. "$root/tests/bench/wan_lib.sh"
wan=$HEFU_BIN/../bench/wan
[ -x "$wan" ] || { echo "test_wan: bench/wan is not built"; exit 77; }
why=$(wan_possible)
[ -z "$why" ] || { echo "test_wan: $why"; exit 77; }
trap 'wan_clean_up; clean_up' EXIT

# between FILE NAME LEAST MOST: the figure that a probe printed under this name.
between() {
    awk -v name="$2" -v least="$3" -v most="$4" '$1 == name { found = $2 >= least && $2 <= most } END { exit !found }' "$1"
}

# carried FROM TO LEAST: bytes between these places.
carried() {
    awk -v from="$1" -v to="$2" -v least="$3" '$1 == from && $2 == to { found = $4 >= least } END { exit !found }' \
        "$work/carried"
}

in_node() (
    within "$@"
)

wan_nodes one two three
for node in two three; do
    within "$node" "$wan" serve 7000 >/dev/null 2>&1 &
    pids="$pids $!"
done
within two "$wan" serve 7001 >/dev/null 2>&1 &
pids="$pids $!"

expect usage_is_2 2 "usage: wan" -- "$wan" link
expect without_a_link_nothing_arrives 124 -- in_node one timeout 1 "$wan" ping 10.77.0.2 7000 1
wan_link 20 40
expect a_round_trip 0 rtt_min_ms -- in_node one "$wan" ping 10.77.0.2 7000 10
cp "$work/said.out" "$work/ping"
expect a_round_trip_takes_what_was_set_at_least 0 -- between "$work/ping" rtt_min_ms 40 1000000
expect a_transfer_arrives_unharmed 0 "bytes_right	2000000" -- in_node one "$wan" bulk 10.77.0.3 7000 2
cp "$work/said.out" "$work/bulk"
expect a_transfer_is_no_faster_than_the_line 0 -- between "$work/bulk" seconds 0.8 1000000
within two "$wan" bulk 10.77.0.3 7000 2 >"$work/other" 2>&1 &
other=$!
expect two_transfers_to_one_node 0 "bytes_right	2000000" -- in_node one "$wan" bulk 10.77.0.2 7001 2
expect the_other_transfer_arrives_too 0 -- wait "$other"
wan_unlink
expect what_was_carried_is_counted 0 -- carried 1 3 2000000
expect acknowledgements_are_counted 0 -- carried 3 1 20000
expect nothing_passed_that_was_not_sent 1 -- carried 3 2 2000000
finish
