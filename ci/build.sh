#!/usr/bin/env bash
# Configures and builds one tree: ci/build.sh FOLDER [cmake arguments]. Uses ccache where it is installed.
# XSG_BUILD_TARGET names what is built of it; everything if it is not set.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || {
    echo "usage: $0 FOLDER [cmake arguments]" >&2
    exit 2
}
folder=$1
shift
launcher=()
if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake -G Ninja -S "$top" -B "$folder" "${launcher[@]}" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
# Ninja is quiet when it succeeds, and shows only what failed.
if ! cmake --build "$folder" --target "${XSG_BUILD_TARGET:-all}" --parallel "$(nproc)" >"$log" 2>&1; then
    grep -v '^\[[0-9]*/[0-9]*\] ' "$log" | tail -n 100 >&2
    exit 1
fi
