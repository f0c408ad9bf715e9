#!/usr/bin/env bash
# The action's first step: every input is checked before anything is installed. The runner enforces
# nothing of what action.yml says. Leaves where xsgate is to be installed, and the key of that build.
set -eu

bad() {
    # One line, and no workflow command but this one.
    printf '::error title=xsgate::%s\n' "$(printf '%s' "$1" | tr -d '\r' | tr '\n' ' ' | sed 's/%/%25/g')"
    exit 2
}
# Bash's patterns see the whole text, line ends included.
plain() {
    local name=$1 value=$2 pattern=$3 what=$4
    # shellcheck disable=SC2053 # the pattern is one
    [[ -z $value || $value =~ $pattern ]] || bad "input $name: expected $what, not '$value'"
}

case $XSGATE_INPUT_COMMAND in
run | install) ;;
comment) [ -n "$XSGATE_INPUT_REPORT" ] || bad "input report: needed with command: comment" ;;
*) bad "input command: expected run, comment or install, not '$XSGATE_INPUT_COMMAND'" ;;
esac
case $XSGATE_INPUT_STRICT in
true | false) ;;
*) bad "input strict: expected true or false, not '$XSGATE_INPUT_STRICT'" ;;
esac
[ -n "$XSGATE_INPUT_BASELINE" ] || bad "input baseline: expected auto or a branch, tag or commit"
plain baseline "$XSGATE_INPUT_BASELINE" '^[A-Za-z0-9_/.@^~{}+-]+$' 'auto or a branch, tag or commit'
plain baseline "$XSGATE_INPUT_BASELINE" '^[^-]' 'no leading dash'
plain threshold "$XSGATE_INPUT_THRESHOLD" '^[0-9]+(\.[0-9]+)?%?$' 'a percentage as 5%'
plain rounds "$XSGATE_INPUT_ROUNDS" '^(auto|[0-9]+)$' 'auto or a number'
plain max-time "$XSGATE_INPUT_MAX_TIME" '^[0-9]+(\.[0-9]+)?(ms|s|m|h)?$' 'a time as 10m'
[ -d "$XSGATE_INPUT_DIRECTORY" ] || bad "input working-directory: there is no folder '$XSGATE_INPUT_DIRECTORY'"
if [ -n "$XSGATE_INPUT_DEB" ]; then
    [[ $XSGATE_INPUT_DEB_SHA256 =~ ^[0-9a-f]{64}$ ]] ||
        bad "input deb-sha256: expected the 64 hexadecimal digits of the package's SHA-256"
    case $XSGATE_INPUT_DEB in
    https://*) ;;
    *://*) bad "input deb: expected https:// or a path" ;;
    *) [ -f "$XSGATE_INPUT_DEB" ] || bad "input deb: there is no file '$XSGATE_INPUT_DEB'" ;;
    esac
fi

# Everything that the build reads, and what it was built on.
key=$(cd "${GITHUB_ACTION_PATH:?}" &&
    { find . -name .git -prune -o -name build -prune -o -type f -print0 | sort -z | xargs -0 sha256sum &&
        cat /etc/os-release; } | sha256sum | cut -c1-32)
{
    printf 'prefix=%s\n' "${RUNNER_TEMP:?}/xsgate"
    printf 'key=%s\n' "$key"
} >>"${GITHUB_OUTPUT:?}"
