#!/bin/bash
# test.sh: every test of the repository, one stage after another; a failing stage does not keep the
# later ones from running. The last line says how many tests passed and failed. Logs: build/log.
#
#   STAGES="lint unit boot"   only these
set -u
cd "$(dirname "$0")/.."
mkdir -p build/log
passed=0 failed=0 broken=()

# count LOG: adds up what the log of a stage says, in the words of go test, cmocka and test-std.
count() {
    local p f
    p=$(grep -cE '^ *--- PASS|^\[ +OK +\]' "$1")
    f=$(grep -cE '^ *--- FAIL|^\[ +FAILED +\] [a-z_0-9]+$' "$1")
    read -r sp sf < <(sed -n 's/^\(standard library\|golang.org\/x\/net.*\): .* tests: \([0-9]*\) passed.* \([0-9]*\) failed$/\2 \3/p' "$1"; echo 0 0)
    passed=$((passed + p + sp))
    failed=$((failed + f + sf))
}

# stage NAME COMMAND...: shows only what failed, and where the rest is.
stage() {
    local name=$1 log=build/log/$1.log start=$SECONDS code=0
    shift
    case " ${STAGES:-$name} " in *" $name "*) ;; *) return ;; esac
    echo "== $name"
    "$@" >"$log" 2>&1 || code=$?
    local before=$failed
    count "$log"
    if [ $code -ne 0 ]; then
        broken+=("$name")
        # A stage can fail with no test to blame, for instance by not compiling.
        [ $failed -gt $before ] || failed=$((failed + 1))
        grep -vE '^(=== |    --- PASS|--- PASS)' "$log" | grep -E -A 8 '_test\.go:[0-9]+: |^ *--- FAIL|error:|FAILED|panic:' | head -n 80
        tail -n 5 "$log"
        echo "== $name FAILED, whole log in $log"
    else
        [ $failed -eq $before ] || broken+=("$name")
        passed=$((passed + 1))
        echo "   ok, $((SECONDS - start)) s"
    fi
}

build() { make --no-print-directory -s -j"$(nproc)" all; }
unit() {
    local code=0
    make --no-print-directory -s -j"$(nproc)" test-unit || code=1
    make --no-print-directory -s -j"$(nproc)" test-packet || code=1
    return $code
}
gotests() { scripts/gotest.sh -v "$@"; }
netstack() { (cd netstack && GOFLAGS=-buildvcs=false go test -count=1 -timeout 5m -v ./...); }

# The Xen lab: built once and kept in the cache; where it cannot be built that is a failure.
xenlab() { tests/xenlab/xenlab build; }
xen() { UNIGORNEL_TARGETS=xen scripts/gotest.sh -v ./boot ./xenlab ./xen; }
std_xen() { HYPERVISOR=xen tests/std/run.sh --slice; }
qemu() { UNIGORNEL_TARGETS=microvm,q35,pc scripts/gotest.sh -v ./boot; }

stage build build
stage lint scripts/lint.sh
stage unit unit
stage fuzz make --no-print-directory -s -j"$(nproc)" fuzz FUZZ_TIME="${FUZZ_TIME:-5}"
stage tool gotests ./tool
stage boot qemu
stage examples gotests ./examples
stage netstack netstack
stage net gotests ./net
stage block gotests ./block
stage diff gotests ./diff
stage xenlab xenlab
stage xen xen
stage std tests/std/run.sh --slice
stage std-xen std_xen
stage stress tests/stress/run.sh 0.5

[ ${#broken[@]} -eq 0 ] || echo "stages with failures: ${broken[*]}"
echo "$passed passed, $failed failed"
[ ${#broken[@]} -eq 0 ] && [ $failed -eq 0 ]
