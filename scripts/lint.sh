#!/bin/bash
# lint.sh: formatting of C and Go, and go vet. Every complaint is printed; exit 1 if there is one.
set -u
cd "$(dirname "$0")/.."
status=0

# The layout is that of clang-format 14; other versions disagree about details.
format=
for c in clang-format-14 clang-format; do
    if command -v $c >/dev/null && $c --version | grep -q 'version 14\.'; then
        format=$c
        break
    fi
done
if [ -n "$format" ]; then
    git ls-files '*.c' '*.h' | xargs -r "$format" --dry-run -Werror || status=1
else
    echo "lint: no clang-format 14 here, C formatting is not checked" >&2
fi

unformatted=$(git ls-files '*.go' | xargs -r gofmt -l)
if [ -n "$unformatted" ]; then
    echo "gofmt wants to change:" >&2
    echo "$unformatted" >&2
    status=1
fi
for module in examples examples/rawhttp netstack tests; do
    (cd $module && GOFLAGS=-buildvcs=false go vet ./...) || status=1
done
exit $status
