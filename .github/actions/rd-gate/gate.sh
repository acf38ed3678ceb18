#!/usr/bin/env bash
# The gate of a branch: list the edits of its baselines, run the suites against the baselines of the
# merge base, compare times if asked to, draw a report. All of it goes to the folder rd-gate.
#
# RD_GATE_BASE    commit to be merged into; empty: the baselines that lie here are the bar
# RD_GATE_MARKS   which suites run, as pytest's -m
# RD_GATE_ARGS    more options of pytest
# RD_GATE_AB      options of pytest-lic ab; no: leave it out
# RD_GATE_SHARD   run this part of the grid alone, such as 3/8, and leave the rest to who merges
# RD_GATE_SHARDS  merge so many shards' results, rd-gate-shards/*/results.json, and run no suite
# RD_GATE_PYTHON  the interpreter (default: python)
#
# Exit status: 0 nothing got worse; 1 something did, or a bar was lowered; 2 a part could not be
# carried out. Every part runs, whatever the others found.
set -uo pipefail

python=${RD_GATE_PYTHON:-python}
out=rd-gate
worst=0

part() {  # NAME COMMAND...: run it, remember the worst outcome
    local name=$1 status=0
    shift
    echo "::group::$name"
    "$@" || status=$?
    echo "::endgroup::"
    echo "rd-gate: $name: exit status $status"
    [ "$status" -le 1 ] || status=2
    [ "$status" -le "$worst" ] || worst=$status
}

words() {  # TEXT: its words, one a line, as a shell would split and unquote them
    [ -z "${1//[[:space:]]/}" ] || xargs -n 1 printf '%s\n' <<<"$1"
}

require_words() {  # NAME TEXT: end here where it has none, as with a quote that nothing closes
    words "$2" >/dev/null && return
    echo "rd-gate: $1: can't be split into words: $2"
    echo 2 >"$out/status"
    exit 2
}

rm -rf "$out"
mkdir "$out" || exit 2
require_words RD_GATE_ARGS "${RD_GATE_ARGS:-}"
require_words RD_GATE_AB "${RD_GATE_AB:-}"
mapfile -t more < <(words "${RD_GATE_ARGS:-}")
folder=()
for index in "${!more[@]}"; do
    case ${more[index]} in
        --lic-baselines=*) folder=(--baselines "${more[index]#*=}") ;;
        --lic-baselines) folder=(--baselines "${more[index + 1]:-}") ;;
    esac
done
shard=${RD_GATE_SHARD:-}
[ -z "$shard" ] || more=("--lic-shard=$shard" "${more[@]}")
if [ -n "${RD_GATE_BASE:-}" ] && [ -z "$shard" ]; then
    part baselines "$python" -m pytest_lic baselines "$RD_GATE_BASE" "${folder[@]}" \
        --markdown "$out/1-baselines.md" --json "$out/baselines.json"
    [ ! -f "$out/1-baselines.md" ] ||
        cat "$out/1-baselines.md" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
fi
[ -z "${RD_GATE_BASE:-}" ] || more=("--lic-baselines-of=$RD_GATE_BASE" "${more[@]}")
if [ -n "${RD_GATE_SHARDS:-}" ]; then
    # A shard that left no results is missing here, and merge names it.
    part merge "$python" -m pytest_lic merge rd-gate-shards/*/results.json \
        --out "$out/results.json" --markdown "$out/2-suites.md" --junit "$out/junit.xml"
    [ ! -f "$out/2-suites.md" ] || cat "$out/2-suites.md" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
else
    part suites "$python" -m pytest --pyargs pytest_lic.suites -m "${RD_GATE_MARKS:-rd}" \
        --lic-cache-dir=.rd-gate-measurements --lic-json="$out/results.json" \
        --lic-markdown="$out/2-suites.md" "${more[@]}"
fi
if [ -n "$shard" ]; then
    echo "$worst" >"$out/status"
    # What got worse fails the job that merges, where it is shown: if the results say it.
    if [ "$worst" -eq 1 ]; then
        says='import json, sys; sys.exit(json.load(open(sys.argv[1]))["run"]["exit_status"] != 1)'
        "$python" -c "$says" "$out/results.json" || exit 2
        exit 0
    fi
    exit "$worst"
fi
if [ "${RD_GATE_AB:-no}" != no ] && [ -n "${RD_GATE_BASE:-}" ]; then
    mapfile -t options < <(words "$RD_GATE_AB")
    base=$(git merge-base "$RD_GATE_BASE" HEAD) || base=$RD_GATE_BASE
    part ab "$python" -m pytest_lic ab "$base" --markdown "$out/3-ab.md" --json "$out/ab.json" \
        "${options[@]}"
    [ ! -f "$out/3-ab.md" ] || cat "$out/3-ab.md" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
fi
if [ -f "$out/results.json" ]; then
    compared=()
    [ ! -f "$out/ab.json" ] || compared=(--ab "$out/ab.json")
    part report "$python" -m pytest_lic report "$out/results.json" "${compared[@]}" \
        --output "$out/report.html"
else
    echo "rd-gate: the suites left no results"
    worst=2
fi
echo "$worst" >"$out/status"
exit "$worst"
