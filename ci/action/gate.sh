#!/usr/bin/env bash
# The action's last step. Whatever the target and its build print must not be taken for a workflow
# command: the runner listens again at a word that they cannot know.
set -eu

global=()
[ "$XSGATE_INPUT_DIRECTORY" = . ] || global+=(-C "$XSGATE_INPUT_DIRECTORY")
[ -z "$XSGATE_INPUT_CONFIG" ] || global+=(--config "$XSGATE_INPUT_CONFIG")
if [ "$XSGATE_INPUT_COMMAND" = comment ]; then
    words=(comment --from "$XSGATE_INPUT_REPORT")
else
    words=(run --baseline "$XSGATE_INPUT_BASELINE")
    [ -z "$XSGATE_INPUT_THRESHOLD" ] || words+=(--threshold "$XSGATE_INPUT_THRESHOLD")
    [ -z "$XSGATE_INPUT_ROUNDS" ] || words+=(--rounds "$XSGATE_INPUT_ROUNDS")
    [ -z "$XSGATE_INPUT_MAX_TIME" ] || words+=(--max-time "$XSGATE_INPUT_MAX_TIME")
    [ "$XSGATE_INPUT_STRICT" = false ] || words+=(--strict)
fi

listen=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
[ ${#listen} -eq 32 ]
printf '::stop-commands::%s\n' "$listen"
status=0
xsgate "${global[@]}" "${words[@]}" 2>&1 || status=$?
printf '\n::%s::\n' "$listen"
exit "$status"
