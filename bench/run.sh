#!/bin/bash
# run.sh [-n RUNS] [-quick]: all figures (see bench/runner). The Debian kernel is fetched once;
# the smaller kernel of tiny-linux.sh takes part where it lies in the cache.
set -eu
cd "$(dirname "$0")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/unigornel/bench
./fetch-debian.sh "$cache/debian" || echo "bench: going on without the Debian guest" >&2
export GOFLAGS=-buildvcs=false
go build -o ../build/bench-runner ./runner
exec ../build/bench-runner "$@" "$(cd .. && pwd)" "$cache"
