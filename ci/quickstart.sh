#!/usr/bin/env bash
# From a fresh machine to a first verdict: installs what the build needs, builds, then lets xsgate gate a
# small repository whose feature branch made one function slower. Status 0 when the gate names it.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/ci/setup.sh"

say() {
    printf '%s\n' "$*" >&2
}

xsg_setup core
say "quickstart: building (a minute or two the first time)"
"$top/ci/build.sh" "$top/build/quickstart" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF
xsgate=$top/build/quickstart/bin/xsgate

work=$(mktemp -d "${TMPDIR:-/tmp}/xsgate-quickstart.XXXXXX")
trap 'rm -rf "$work/repo"' EXIT
trap 'exit 130' INT TERM
report=$work/report.html

# The example project, a main branch, and a feature branch in which one function does more work.
cp -R "$top/tests/targets/json_bench" "$work/repo"
cd "$work/repo"
rm slower.patch
# By the program's own marks: the steadiest numbers. `profile: [sample]` needs none of them.
sed -i -e 's/-DPROFILE=sample/-DPROFILE=scopes/' -e 's/profile: \[sample\]/profile: [scopes]/' xsgate.yml
commit() {
    git add -A
    git -c user.name=quickstart -c user.email=quickstart@localhost commit -q -m "$1"
}
git -c init.defaultBranch=main init -q
commit "A JSON benchmark"
git checkout -q -b feature
git apply "$top/tests/targets/json_bench/slower.patch"
commit "Room for escaped slashes"

say "quickstart: xsgate run --baseline main, in a repository where"
git --no-pager diff --stat main feature >&2
status=0
XSGATE_INCLUDE=$top/include "$xsgate" run --baseline main --max-time 3m --report text --report "html:$report" \
    >"$work/table" || status=$?
sed '/^report: /d' "$work/table" # names the page in the repository, which goes
if [ $status -ne 1 ] || ! grep -Eq '^ *slower .*escape_string' "$work/table"; then
    say "quickstart: expected status 1 and escape_string as slower; got status $status"
    exit 1
fi
say ""
say "The gate did its job: it names escape_string and its status is 1, which fails a build."
say "HTML report: $report"
say "Next: in your own repository run '$xsgate init', edit one line, '$xsgate run --baseline main'."
