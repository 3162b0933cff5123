# shellcheck shell=sh
# Namespaces joined by tests/bench/wan.c: what wan.sh and tests/cli/test_wan.sh share.
# $wan is that program, $work a directory; namespaces are named after this process, NAME is the node's.

nodes=     # in the order of their addresses
linked=    # the process of the link

space() {
    echo "hefu-$$-$1"
}

# address NAME
address() {
    place=1
    for other in $nodes; do
        [ "$other" != "$1" ] || echo "10.77.0.$place"
        place=$((place + 1))
    done
}

# within NAME, COMMAND: runs it in that node's namespace, in its place: $! is the command's own process.
within() {
    name=$1
    shift
    exec ip netns exec "$(space "$name")" "$@"
}

# Says why not when this machine allows no namespaces or no TUN devices.
wan_possible() {
    if ! command -v ip >/dev/null; then
        echo "iproute2 is not installed"
    elif ! [ -c /dev/net/tun ]; then
        echo "there is no /dev/net/tun"
    elif ! ip netns add "$(space probe)" 2>"$work/why"; then
        echo "no network namespaces: $(cat "$work/why")"
    else
        ip -n "$(space probe)" tuntap add dev wan0 mode tun 2>"$work/why" || echo "no TUN devices: $(cat "$work/why")"
        ip netns del "$(space probe)"
    fi
}

# wan_nodes NAME...: a namespace each, not yet linked.
wan_nodes() {
    nodes=$*
    for node in $nodes; do
        ns=$(space "$node")
        ip netns add "$ns"
        ip -n "$ns" tuntap add dev wan0 mode tun
        ip -n "$ns" addr add "$(address "$node")/24" dev wan0
        ip -n "$ns" link set wan0 txqueuelen 10000 up
        ip -n "$ns" link set lo up
    done
}

# wan_link RATE_MBIT RTT_MS
wan_link() {
    spaces=
    for node in $nodes; do
        spaces="$spaces $(space "$node")"
    done
    : >"$work/carried" # before the loop below looks into it
    # shellcheck disable=SC2086  # one word per namespace
    nice -n -10 "$wan" link "$1" "$2" $spaces >"$work/carried" 2>"$work/link.log" </dev/null &
    linked=$!
    left=100
    until grep -q ready "$work/carried"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { cat "$work/link.log" >&2; return 1; }
        sleep 0.1
    done
}

# What it carried is in $work/carried: from, to (places of nodes), packets, bytes, dropped.
wan_unlink() {
    [ -z "$linked" ] || { kill "$linked" && wait "$linked"; } 2>/dev/null || true
    linked=
}

wan_clean_up() {
    wan_unlink
    for node in $nodes; do
        ip netns del "$(space "$node")" 2>/dev/null || true
    done
}
