#!/usr/bin/env bash
# clang-tidy over every C file of a configured build: ci/tidy.sh BUILD-FOLDER [FILE...]
set -eu
cd "$(dirname "$0")/.."
[ -f "${1:?usage: ci/tidy.sh BUILD-FOLDER [FILE...]}/compile_commands.json" ] || {
    echo "tidy: no $1/compile_commands.json: configure that folder first" >&2
    exit 2
}
build=$1
shift
top=$(pwd -P)
if [ $# -gt 0 ]; then
    files=("$@")
else
    mapfile -t files < <(jq -r '.[].file' "$build/compile_commands.json" | sort -u |
        sed -n "s,^$top/,,p" | grep -v '^build' | grep '\.c$')
fi
printf '%s\n' "${files[@]}" |
    xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$build" --warnings-as-errors='*' 2> >(
        grep -vE '^[0-9]+ warnings? (treated as errors )?generated|^Suppressed' >&2
    )
