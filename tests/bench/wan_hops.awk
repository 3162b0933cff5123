# The longest chain of messages in a session, by phase: from `hefu-audit show --dump` of every party's evidence, each
# preceded by a line "log PARTY" (tab-separated).  Prints phase, hops, passes, bytes of the busiest direction of a party.
#
# A message leaves at the time of its sender and arrives one hop later; a party's time is the latest that arrived.
# Parties take messages in the order of their logs and wait for each, so that the k-th that B took from A is the k-th
# that A sent to B.
BEGIN { FS = "\t" }
$1 == "log" { self = $2; who[++parties] = self; at[self] = 1; next }
$2 == "send" || $2 == "receive" {
    i = ++count[self]
    type[self, i] = $2; peer[self, i] = $3; phase[self, i] = $5
    if (!($5 in seen)) {
        seen[$5] = 1
        order[++phases] = $5
    }
    moved = way[$2, self, $5] += $8
    if (moved > bytes[$5])
        bytes[$5] = moved
    if ($6 > passes[$5])
        passes[$5] = $6
}
END {
    do {
        moved = 0
        for (p = 1; p <= parties; p++) {
            a = who[p]
            for (; at[a] <= count[a]; at[a]++) {
                i = at[a]; b = peer[a, i]
                if (type[a, i] == "send")
                    left[a, b, ++sent[a, b]] = time[a]
                else if (taken[b, a] >= sent[b, a])
                    break
                else if (left[b, a, ++taken[b, a]] + 1 > time[a])
                    time[a] = left[b, a, taken[b, a]] + 1
                if (time[a] > last[phase[a, i]])
                    last[phase[a, i]] = time[a]
                moved = 1
            }
        }
    } while (moved)
    for (p = 1; p <= parties; p++)
        if (at[who[p]] <= count[who[p]]) {
            print "wan_hops: error: " who[p] " has taken a message that nobody sent" >"/dev/stderr"
            exit 1
        }
    for (k = 1; k <= phases; k++) {
        name = order[k]
        printf "%s\t%d\t%d\t%d\n", name, last[name] - before, passes[name], bytes[name]
        if (last[name] > before)
            before = last[name]
    }
}
