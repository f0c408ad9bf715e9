#!/usr/bin/env bash
# The whole test suite on a clean checkout: installs what it needs, then the lints, each kind of build
# with its tests, and last the main build's tests, whose summary closes the output.
#   ci/test.sh           everything
#   ci/test.sh --quick   format, scripts, one build, the tests that take no minutes
set -eu
cd "$(dirname "$0")/.."
. ci/setup.sh

quick=
case "${1:-}" in
'') ;;
--quick) quick=1 ;;
*) echo "usage: $0 [--quick]" >&2 && exit 2 ;;
esac

jobs=$(nproc)
# Some tests measure: a neighbour on a shared machine can spoil one run of them, a fault spoils every
# run. What needed a second try is named (ci/retried.sh), and fails if it does not measure.
options=(-j "$jobs" --output-on-failure --no-tests=error --repeat until-pass:3)
started=$SECONDS
step() {
    printf '==> %3ds  %s\n' $((SECONDS - started)) "$*"
}
# Tests of an extra build: one line when they pass, everything about those that do not.
tests_of() {
    local folder=$1 log status=0
    shift
    log=$(mktemp)
    ctest --test-dir "$folder" "${options[@]}" "$@" >"$log" 2>&1 ||
        status=$?
    if [ $status -ne 0 ]; then
        grep -v ' Passed ' "$log"
    else
        grep 'tests passed' "$log" | sed "s,^,    $folder: ,"
    fi
    if ! ci/retried.sh "$folder" "$log"; then
        [ $status -ne 0 ] || grep -v ' Passed ' "$log" # what the try that failed said
        status=1
    fi
    rm -f "$log"
    return $status
}
# Tests of the main build: everything, and the summary last.
main_tests_of() {
    local folder=$1 log status=0 notice
    shift
    log=$(mktemp)
    ctest --test-dir "$folder" "${options[@]}" "$@" | tee "$log"
    status=${PIPESTATUS[0]}
    notice=$(ci/retried.sh "$folder" "$log") || status=1
    if [ -n "$notice" ]; then
        printf '\n%s\n\n' "$notice"
        sed -n '/% tests passed/,$p' "$log"
    fi
    rm -f "$log"
    return "$status"
}

step "packages"
xsg_setup core tests
xsg_setup_node

step "format of the C and C++ files"
git ls-files '*.[ch]' '*.cpp' | xargs -P "$jobs" -n 32 clang-format --dry-run -Werror
step "scripts"
git grep -lE '^#!.*(bash|/sh)' -- ':!tests/fuzz' | xargs shellcheck -x

step "build: gcc"
ci/build.sh build/gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++
if [ -z "$quick" ]; then
    # The timing of what is under test says nothing in these builds: labels gate and bench stay out.
    step "build and tests: clang"
    ci/build.sh build/clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
    # The sampler's tests measure: they run once, in the main build.
    tests_of build/clang -LE 'gate|bench' -E 'integration/sample'
    step "build and tests: address and undefined behaviour sanitizers"
    ci/build.sh build/asan -DCMAKE_BUILD_TYPE=Debug -DXSG_SANITIZE=address
    tests_of build/asan -LE 'gate|bench|no-sanitizer'
    step "build and tests: thread sanitizer, unit tests and the runtime"
    ci/build.sh build/tsan -DCMAKE_BUILD_TYPE=Debug -DXSG_SANITIZE=thread
    tests_of build/tsan -R '^(unit|integration/runtime)' -LE 'gate|bench|no-sanitizer'
    step "build and tests: fuzz targets, five seconds each"
    XSG_BUILD_TARGET=tests/fuzz/all ci/build.sh build/fuzz -DCMAKE_BUILD_TYPE=Debug -DXSG_FUZZ=ON \
        -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
    tests_of build/fuzz -R '^fuzz/'
    step "clang-tidy"
    ci/tidy.sh build/clang
fi
step "tests: gcc"
if [ -n "$quick" ]; then
    main_tests_of build/gcc -LE 'slow'
else
    main_tests_of build/gcc
fi
