#!/bin/bash
# xen.sh [-n ROUNDS] [-t SECONDS] [-only LOAD] [-guest GUEST]: figures under Xen, in the lab (see bench/xenrunner).
# Needs root: it makes a network namespace with a tap device, which goes away with it.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
for c in wrk ip; do
    command -v "$c" >/dev/null || { echo "bench-xen: $c is missing: apt-get install wrk iproute2" >&2; exit 1; }
done
cache=${XDG_CACHE_HOME:-$HOME/.cache}/unigornel/bench
./fetch-debian.sh "$cache/debian"
export GOFLAGS=-buildvcs=false
go build -o ../build/bench-xenrunner ./xenrunner
ns=unigornel-bench-xen-$$
ip netns add $ns
trap 'ip netns del $ns' EXIT
n="ip -n $ns"
$n link set lo up
$n tuntap add tap-bench mode tap vnet_hdr
$n addr add 10.77.0.1/24 dev tap-bench
$n link set tap-bench up
$n neigh replace 10.77.0.2 lladdr 00:16:3e:77:00:02 dev tap-bench nud permanent
ip netns exec $ns ../build/bench-xenrunner "$@" "$(cd .. && pwd)" "$cache"
