#!/bin/bash
# net.sh [-relay FLAGS] [-n ROUNDS] [-t SECONDS] [-only LOAD] [-guest GUEST]: the network's figures (see bench/netrunner).
# With -relay the frames pass tests/net/relay with these flags on their way, and only the streams are measured.
# Needs root: it makes a network namespace with a tap device, which goes away with it.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
relay=
if [ "${1:-}" = -relay ]; then
    relay=$2
    shift 2
    set -- -relay "$@"
fi
for c in wrk ip ${relay:+ethtool}; do
    command -v "$c" >/dev/null || { echo "bench-net: $c is missing: apt-get install wrk iproute2 ethtool" >&2; exit 1; }
done
cache=${XDG_CACHE_HOME:-$HOME/.cache}/unigornel/bench
./fetch-debian.sh "$cache/debian" || echo "bench-net: going on without the Debian guest" >&2
export GOFLAGS=-buildvcs=false
go build -o ../build/bench-netrunner ./netrunner
ns=unigornel-bench-$$
ip netns add $ns
cleanup() {
    [ -z "${relay_pid:-}" ] || kill "$relay_pid"
    ip netns del $ns
}
trap cleanup EXIT
n="ip -n $ns"
$n link set lo up
$n tuntap add tap-bench mode tap vnet_hdr
device=tap-bench
if [ -n "$relay" ]; then
    # host: h0 = h1 <- relay -> g1 = g0 - bridge - tap. Frames are as on a wire: no offloads on the way.
    (cd ../tests && go build -o ../build/relay ./net/relay)
    $n link add h0 type veth peer name h1
    $n link add g0 type veth peer name g1
    $n link add br0 type bridge
    $n link set g0 master br0
    $n link set tap-bench master br0
    for d in h0 h1 g0 g1; do
        ip netns exec $ns ethtool -K $d tx off rx off tso off gso off gro off >/dev/null 2>&1
    done
    for d in h1 g0 g1 br0 tap-bench; do
        ip netns exec $ns sysctl -qw "net.ipv6.conf.$d.disable_ipv6=1"
        $n link set $d arp off up # or it would answer for h0, and frames find a way around the relay
    done
    device=h0
    # shellcheck disable=SC2086
    ip netns exec $ns ../build/relay $relay h1 g1 &
    relay_pid=$!
fi
$n addr add 10.77.0.1/24 dev $device
$n link set $device up
# Known from the start: the host's first ARP request may come before the guest, and the second is a second later.
$n neigh replace 10.77.0.2 lladdr 52:54:00:77:00:02 dev $device nud permanent
ip netns exec $ns ../build/bench-netrunner "$@" "$(cd .. && pwd)" "$cache"
