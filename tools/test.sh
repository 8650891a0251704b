#!/usr/bin/env bash
# Runs the tests in four processes, because many wait for something most of the time, then those marked `alone`, which
# depend on real time and need little of the processors, in as many.
# Arguments are pytest's.
set -uo pipefail
cd "$(dirname "$0")/.."
NOTHING_SELECTED=5
status=0 ran=0
export V2G_SKIPPED=$(mktemp)
trap 'rm -f "$V2G_SKIPPED"' EXIT

run() { # MARKS [OPTION...]
    .venv/bin/python -m pytest -m "$1" "${@:2}"
    local code=$?
    [[ $code == "$NOTHING_SELECTED" ]] && return
    ran=1
    [[ $code == 0 ]] || status=$code
}

run "not alone and not proof" -n 4 --dist worksteal "$@"
run "alone and not proof" -n 4 --dist worksteal "$@"
[[ $ran == 1 ]] || { echo "no test is selected: $*" >&2; exit "$NOTHING_SELECTED"; }
[[ -s $V2G_SKIPPED ]] && echo "skipped, by reason:" && sort "$V2G_SKIPPED" | uniq -c
exit "$status"
