#!/usr/bin/env bash
# The action's last step. xsgate itself keeps what the target and its build print from being taken for
# workflow commands.
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
exec xsgate "${global[@]}" "${words[@]}"
