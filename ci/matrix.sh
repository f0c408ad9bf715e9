#!/usr/bin/env bash
# The complete matrix: every target of tests/targets in every mode, slower, faster and comment only, as a
# table. Takes long; for a quiet machine.
#   ci/matrix.sh [BUILD-FOLDER [TARGET [MODE]]]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$top/build/gcc}" && pwd)
read -ra targets <<<"${2:-compress_bench json_bench sql_bench cpp_bench threads_bench}"
read -ra modes <<<"${3:-scopes functions sample}"
[ -x "$build/bin/xsgate" ] || {
    echo "matrix: no $build/bin/xsgate: build it first (ci/build.sh $build)" >&2
    exit 2
}
status=0
for target in "${targets[@]}"; do
    for mode in "${modes[@]}"; do
        python3 "$top/tests/integration/gate/gate.py" --xsgate "$build/bin/xsgate" \
            --targets "$top/tests/targets" --include "$top/include" "$target" "$mode" || status=1
    done
done
exit $status
