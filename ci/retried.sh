#!/usr/bin/env bash
# What passed only when tried again, from the log of `ctest --repeat until-pass:N`: one line, nothing
# if there is none. Status 1 if one of these tests neither measures nor drives servers or browsers that
# are not ours: no neighbour spoils such a test, so that it is a race, of the test or of what it tests.
#   ci/retried.sh BUILD-FOLDER LOG
set -eu
[ $# -eq 2 ] || {
    echo "usage: $0 BUILD-FOLDER LOG" >&2
    exit 2
}
# A test has a line of result for each try.
retried=$(sed -nE 's/^ *([0-9]+\/[0-9]+ )?Test +#[0-9]+: ([^ ]+) \.*(.*)$/\2 \3/p' "$2" |
    awk '{ tries[$1]++; passed[$1] = $2 == "Passed" }
        END { for (name in tries) if (tries[name] > 1 && passed[name]) print name }' | sort)
[ -n "$retried" ] || exit 0
measuring=$(ctest --test-dir "$1" --show-only=json-v1 |
    jq -r '.tests[] | select(any(.properties[]?; .name == "LABELS" and
        any(.value[]; IN("gate", "bench", "no-sanitizer", "measures", "forge", "browser")))) | .name' | sort)
racing=$(comm -23 <(printf '%s\n' "$retried") <(printf '%s\n' "$measuring"))
printf '==> passed only when tried again: %s\n' "${retried//$'\n'/, }"
[ -z "$racing" ] || {
    printf '==> FAILED, for nothing but a race explains these: %s\n' "${racing//$'\n'/, }"
    exit 1
}
