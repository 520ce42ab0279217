#!/bin/bash
# run.sh [--slice | --xnet | PACKAGE...]
# Runs the tests of Go's standard library (--xnet: of golang.org/x/net in the version of xnet.txt) with
# `unigornel test`, a machine a package, and prints the totals. Logs and results are kept in
# build/std, one file a package; a package that passed with the kernel and the tool of now is not run
# again, and with RESUME=1 none that ever passed is.
#
#   JOBS=2         machines at a time        MEMORY=1G     memory of each
#   LIMIT=20m      time for one package      SHORT=        run without -short, which go's own
#   XNET=VERSION   of golang.org/x/net                     all.bash uses too
#   HYPERVISOR=xen under the Xen lab (tests/xenlab), with results in build/std-xen
set -u
cd "$(dirname "$0")"
here=$PWD
root=$(cd ../.. && pwd)
out=$root/build/std${HYPERVISOR:+-$HYPERVISOR}
tool=$root/build/unigornel
machine=(--accel tcg)
if [ "${HYPERVISOR:-}" = xen ]; then
    export UNIGORNEL_XENLAB=$root/tests/xenlab/xenlab
    machine=(--hypervisor xen)
fi
goroot=$(go env GOROOT)
minor=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
mkdir -p "$out"
# The module whose packages are tested: where it lies, what to call it. Set for the inner calls.
export SOURCE=${SOURCE:-$goroot/src} WHAT=${WHAT:-standard library}

words() { grep -v '^#' "$1" | awk 'NF'; }

# Those of the packages that have tests for this platform.
tested() { (cd "$SOURCE" && go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$@" 2>/dev/null); }

# Every such package below the roots of packages.txt.
all_packages() {
    # shellcheck disable=SC2046
    tested $(words packages.txt | sed 's,$,/...,')
}

# The -skip pattern of a package, or nothing.
skips() {
    words exceptions.txt | awk -v p="$1" '$1 == p { n = split($2, part, "/"); s = ""
        for (i = 1; i <= n; i++) s = s (i > 1 ? "/" : "") "^" part[i] "$"
        printf "%s%s", sep, s; sep = "|" }'
}

# Go 1.19 has no -skip: the tests that are left, by name.
runs() {
    local listed
    listed=$(words exceptions.txt | awk -v p="$1" '$1 == p { sub("/.*", "", $2); print $2 }')
    (cd "$SOURCE" && go test -list . "$1") 2>/dev/null | grep -E '^(Test|Example|Fuzz)' | grep -vxF "${listed:-none}" | paste -sd '|' | sed 's/.*/^(&)$/'
}

one() {
    local package=$1 name log select=()
    name=${package//\//_}
    log=$out/$name.log
    # A package listed whole is not run: not one of its tests can.
    if words exceptions.txt | awk -v p="$package" '$1 == p && $2 == "*" { found = 1 } END { exit !found }'; then
        echo "ok $package 0 0 0 1 0 0" >"$out/$name.result"
        printf 'ok    %-40s listed whole\n' "$package"
        return
    fi
    local pattern
    pattern=$(skips "$package")
    if [ -n "$pattern" ]; then
        if [ "${minor:-99}" -ge 20 ]; then
            # Some packages check what all their tests have used unless there is a -run.
            select=(-run . -skip "$pattern")
        else
            select=(-run "$(runs "$package")")
        fi
    fi
    # What lies outside of the library's module.
    local files=()
    [ "$package" != go/types ] || files=(--files "$goroot/src/cmd/compile/internal/types2:$goroot/src/cmd/compile/internal/types2")
    local start=$SECONDS
    # In the library's own module: the main module's go line decides GODEBUG's defaults.
    (cd "$SOURCE" && exec timeout -k 10 "${LIMIT:-20m}" "$tool" test "${files[@]}" -m "${MEMORY:-1G}" "${machine[@]}" -v "${select[@]}" ${SHORT--short} -timeout "${LIMIT:-20m}" \
        "$package") >"$log" 2>&1 </dev/null
    local code=$?
    # Only lines that begin with it are of tests, not of their parts.
    local passed skipped failed
    passed=$(tr -d '\r' <"$log" | grep -c '^--- PASS')
    skipped=$(tr -d '\r' <"$log" | grep -c '^--- SKIP')
    failed=$(tr -d '\r' <"$log" | grep -c '^--- FAIL')
    local listed
    listed=$(words exceptions.txt | awk -v p="$package" '$1 == p' | wc -l)
    local word=ok
    [ $code -eq 0 ] || word=FAIL
    echo "$word $package $passed $skipped $failed $listed $code $((SECONDS - start))" >"$out/$name.result"
    printf '%-5s %-40s %4d passed %3d skipped %3d listed %4d s%s\n' $word "$package" "$passed" "$skipped" "$listed" $((SECONDS - start)) \
        "$([ $code -eq 0 ] || echo "  (exit code $code, $failed failed; see ${log#"$root/"})")"
}

fresh() {
    local result=$out/${1//\//_}.result
    [ -s "$result" ] && grep -q '^ok ' "$result" || return 1
    [ -n "${RESUME:-}" ] && return 0
    local made_of
    for made_of in "$tool" "$root"/build/libunigornel*.a exceptions.txt; do
        [ "$result" -nt "$made_of" ] || return 1
    done
}

if [ "${1:-}" = --one ]; then
    one "$2"
    exit
fi
case ${1:-} in
--slice) mapfile -t packages < <(words slice.txt) ;;
--xnet)
    module=golang.org/x/net@${XNET:-$(words xnet.txt)}
    SOURCE=$(go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    WHAT=$module
    [ -d "$SOURCE" ] || { echo "test-xnet: $module cannot be had: XNET=VERSION chooses another" >&2; exit 1; }
    mapfile -t packages < <(tested ./...)
    ;;
'') mapfile -t packages < <(all_packages) ;;
*) packages=("$@") ;;
esac
# Ubuntu's Go comes without it, and the tests of package time end at once, natively too.
if [ ! -e "$goroot/lib/time/zoneinfo.zip" ] && printf '%s\n' "${packages[@]}" | grep -qx time; then
    echo "test-std: time is left out: this Go has no lib/time/zoneinfo.zip, which its tests need"
    mapfile -t packages < <(printf '%s\n' "${packages[@]}" | grep -vx time)
fi
[ ${#packages[@]} -gt 0 ] || { echo "test-std: no packages (is go on PATH?)" >&2; exit 1; }

todo=()
for p in "${packages[@]}"; do
    fresh "$p" || todo+=("$p")
done
echo "test-std: ${#packages[@]} packages of $WHAT, $(go env GOVERSION), $((${#packages[@]} - ${#todo[@]})) of them passed before"
if [ ${#todo[@]} -gt 0 ]; then
    printf '%s\n' "${todo[@]}" | xargs -P "${JOBS:-2}" -I{} "$here/run.sh" --one {}
fi

for p in "${packages[@]}"; do
    cat "$out/${p//\//_}.result" 2>/dev/null || echo "FAIL $p 0 0 0 0 1 0"
done | awk -v what="$WHAT" '
    { packages++; passed += $3; skipped += $4; failed += $5; listed += $6 }
    $1 == "ok" { good++ }
    $1 != "ok" { bad = bad " " $2 }
    END {
        printf "%s: %d of %d packages pass; tests: %d passed, %d skipped themselves, %d listed in tests/std/exceptions.txt, %d failed\n",
            what, good, packages, passed, skipped, listed, failed
        if (bad != "") print "not passing:" bad
        exit bad != ""
    }'
