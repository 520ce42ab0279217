#!/bin/bash
# run.sh MINUTES [LOAD...]: the stress loads, one machine after another. Fractions of a minute are
# fine. Exit 1 if one does not say PASS.
set -u
cd "$(dirname "$0")"
minutes=${1:?usage: run.sh MINUTES [LOAD...]}
shift
[ $# -gt 0 ] || set -- gc goroutines memory signals
root=$(cd ../.. && pwd)
image=$root/build/tests/stress
mkdir -p "$root/build/tests"
(cd program && "$root/build/unigornel" build -o "$image" .) || exit 1
seconds=$(awk "BEGIN { print int($minutes * 60) }")
passed=0 failed=0
for load in "$@"; do
    memory=512M settings=()
    case $load in
    gc) settings=(-e GOGC=1 -e GODEBUG=gccheckmark=1) ;;
    goroutines) memory=1G ;;
    memory) memory=256M ;;
    esac
    echo "stress: $load for $seconds s"
    # Emulation makes single rounds long: the limit leaves the last one two minutes more.
    output=$("$root/build/unigornel" run --machine microvm --accel tcg -m "$memory" --timeout $((seconds + 180))s "${settings[@]}" \
        "$image" -- "$load" "$seconds" </dev/null 2>&1 | tee >(cat >&2))
    if grep -q "^PASS: $load" <<<"$output"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "stress: $load did not pass" >&2
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
