#!/usr/bin/env bash
# What must be installed, and how. Sourced by the other scripts of this folder; run by itself it installs:
#   ci/setup.sh [core|tests]...
# On Debian and Ubuntu missing packages are installed (through sudo when not root); nothing is touched
# when all of them are there. On another system it names them and stops, unless the tools are found.

# shellcheck disable=SC2034 # both lists are read by name
xsg_packages_core=(gcc g++ libc6-dev cmake ninja-build pkg-config git ca-certificates
    libsqlite3-dev libgit2-dev libcjson-dev libyaml-dev zlib1g-dev
    libunwind-dev libdw-dev libelf-dev libiberty-dev libcapstone-dev libcurl4-openssl-dev)
# shellcheck disable=SC2034
xsg_packages_tests=(libcmocka-dev dpkg-dev file clang clang-tidy clang-format libclang-rt-dev valgrind
    make binutils libxml2-utils openssl shellcheck jq python3 python3-jsonschema python3-yaml man-db procps
    chromium cmark-gfm uftrace gdb lld)

# For the tests that read our files with programs from npm; they want node 20.
# shellcheck disable=SC2034
xsg_packages_node=(nodejs npm)

# Installs node and npm where none is and the system's own is new enough; without, tests skip.
xsg_setup_node() {
    command -v npm >/dev/null && return 0
    local version
    version=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/.*Candidate: \([0-9]*\).*/\1/p')
    if [ "${version:-0}" -ge 20 ]; then
        xsg_setup node || echo "setup: no npm: tests that need it are skipped" >&2
    else
        echo "setup: no npm, and this system has no node 20: tests that need them are skipped" >&2
    fi
}

# The packages of the named sets that dpkg does not have installed, one a line.
xsg_packages_missing() {
    local set name
    for set in "$@"; do
        local -n wanted="xsg_packages_$set"
        for name in "${wanted[@]}"; do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
                printf '%s\n' "$name"
        done
    done
}

xsg_is_debian() {
    [ -r /etc/os-release ] && command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
        return 1
    # shellcheck disable=SC1091
    case $(. /etc/os-release && echo " ${ID:-} ${ID_LIKE:-} ") in
    *" debian "* | *" ubuntu "*) ;;
    *) return 1 ;;
    esac
}

# What the build itself looks for: enough on a system whose packages have other names.
xsg_core_tools_present() {
    local tool
    for tool in cc c++ cmake ninja pkg-config git; do
        command -v "$tool" >/dev/null || return 1
    done
    pkg-config --exists sqlite3 libgit2 libcjson yaml-0.1 zlib libunwind libdw libelf capstone libcurl
}

xsg_setup() {
    if ! xsg_is_debian; then
        [ "$*" = core ] && xsg_core_tools_present && return 0
        local set
        echo "setup: this system is not Debian or Ubuntu; install the equivalents of these yourself:" >&2
        for set in "$@"; do
            local -n names="xsg_packages_$set"
            echo "  $set: ${names[*]}" >&2
        done
        [ "$*" != core ] || echo "setup: then run this again; it goes on once they are found" >&2
        [ "${XSGATE_SKIP_SETUP:-}" = 1 ] && return 0
        echo "setup: XSGATE_SKIP_SETUP=1 goes on without them" >&2
        return 1
    fi
    local missing
    mapfile -t missing < <(xsg_packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "setup: not root and no sudo; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
            return 1
        }
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}" >&2
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    local log
    log=$(mktemp)
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        echo "setup: apt-get failed; its last lines are above" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -eu
    [ $# -gt 0 ] || set -- core
    for xsg_set in "$@"; do
        case $xsg_set in core | tests) ;; *) echo "usage: $0 [core|tests]..." >&2 && exit 2 ;; esac
    done
    xsg_setup "$@"
fi
