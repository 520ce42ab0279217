#!/bin/bash
# gotest.sh ARGS...: go test in tests/, with the build flags of this repository.
# Two machines at a time: QEMU's emulation keeps one core busy each.
set -eu
cd "$(dirname "$0")/../tests"
export GOFLAGS=-buildvcs=false
exec go test -count=1 -parallel 2 -timeout 45m "$@"
