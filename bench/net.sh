#!/bin/bash
# net.sh [-n ROUNDS] [-t SECONDS] [-only LOAD] [-guest GUEST]: the network's figures (see bench/netrunner). Needs root: it makes a
# network namespace with a tap device, which goes away with it.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
for c in wrk ip; do
    command -v $c >/dev/null || { echo "bench-net: $c is missing: apt-get install wrk iproute2" >&2; exit 1; }
done
cache=${XDG_CACHE_HOME:-$HOME/.cache}/unigornel/bench
./fetch-debian.sh "$cache/debian" || echo "bench-net: going on without the Debian guest" >&2
export GOFLAGS=-buildvcs=false
go build -o ../build/bench-netrunner ./netrunner
ns=unigornel-bench-$$
ip netns add $ns
trap 'ip netns del $ns' EXIT
n="ip -n $ns"
$n link set lo up
$n tuntap add tap-bench mode tap vnet_hdr
$n addr add 10.77.0.1/24 dev tap-bench
$n link set tap-bench up
# Known from the start: the host's first ARP request may come before the guest, and the second is a second later.
$n neigh replace 10.77.0.2 lladdr 52:54:00:77:00:02 dev tap-bench nud permanent
ip netns exec $ns ../build/bench-netrunner "$@" "$(cd .. && pwd)" "$cache"
