#!/usr/bin/env bash
# What a GPU at hand for a few minutes is for, in one call that ends in time.
#
#   benchmarks/gpu_minutes.sh train DATA OUT [options of zoo]   the tests marked cuda, then the zoo
#   benchmarks/gpu_minutes.sh time OUT                          times of the usual widths, passports
#
# train goes on with the runs in $RUNS (runs by default) and leaves packed copies of them in OUT:
# PART.tar.gz files of at most $PART_MB, which unpack to a folder of runs. time leaves pytest-benchmark
# files, what they say beside published times, and who decodes what whom encodes, CPU and GPU.
#
#   MINUTES=9      for all of it            DEVICE=cuda    cpu tries the script without a GPU
#   PYTHON=python  with pytest-lic in it    TESTS=180      seconds for the tests, at most
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minutes="${MINUTES:-9}" device="${DEVICE:-cuda}" python="${PYTHON:-python}"
runs="${RUNS:-runs}" part_mb="${PART_MB:-15}" tests="${TESTS:-180}"
usage() { sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
say() { printf '\ngpu_minutes: [%d of %d s] %s\n' "$SECONDS" "$total" "$*"; }
left() { echo $((total - SECONDS - ${1:-0})); }

total=$(awk -v m="$minutes" 'BEGIN { print int(m * 60) }')
mode="${1:-}"
case "$mode" in
    train) [ $# -ge 3 ] || usage; data="$2" out="$3"; shift 3 ;;
    time) [ $# -eq 2 ] || usage; out="$2"; shift 2 ;;
    *) usage ;;
esac
mkdir -p "$out"
out="$(cd "$out" && pwd)"

train() {
    say "the tests marked cuda"
    # What fails here is told in the end: the training is worth its minutes all the same.
    timeout "$tests" "$python" -m pytest -q -m cuda tests > "$out/tests.txt" 2>&1 && status=0 || status=$?
    tail -n 3 "$out/tests.txt"

    reserve=30 # seconds to pack in
    budget=$(awk -v s="$(left $reserve)" 'BEGIN { printf "%.2f", s / 60 }')
    say "the zoo, for $budget minutes"
    "$python" -m lic_models zoo --configs 'fp-*' msh-1dn msh-gdn msh-gsdn msh-relu \
        --data "$data" --device "$device" --runs "$runs" --minutes "$budget" "$@" 2>&1 | tee "$out/zoo.txt"

    say "packing"
    rm -rf "$out/packed"
    "$python" -m lic_models pack "$runs" --out "$out/packed"
    tar -C "$out/packed" -cz . | split -b "${part_mb}m" -d - "$out/runs.tar.gz."
    rm -rf "$out/packed"
    ls -l "$out"
    say "unpack with: cat runs.tar.gz.* | tar -C runs -xz"
    [ "$status" -eq 0 ] || { say "the tests marked cuda: exit status $status, see tests.txt"; exit 1; }
}

# One family a process, which saves what it has timed when its time is up.
measure() {
    seconds="$1" saved="$2"
    shift 2
    [ "$seconds" -gt 10 ] || { say "no time left for $saved"; return; }
    timeout -s INT -k 20 "$seconds" "$python" -m pytest -q --pyargs pytest_lic.suites "$@" \
        > "$out/$saved.txt" 2>&1 || true
    tail -n 1 "$out/$saved.txt"
}

times() {
    say "who decodes what whom encodes"
    measure $((total / 6)) passports -m determinism -k environments --lic-environments cuda \
        --lic-codec 'fp-*,msh-1dn,msh-gdn,msh-gsdn,msh-relu'
    for width in small large; do
        for family in fp-gdn fp-1dn fp-gsdn fp-relu msh-gdn msh-1dn msh-gsdn msh-relu; do
            share=$(($(left 15) / ${waiting:=16}))
            waiting=$((waiting - 1))
            say "$family-$width, for at most $share s"
            measure "$share" "$family-$width" -m timing --lic-preset full --lic-device "$device" \
                --lic-codec "$family-$width" --benchmark-json "$out/$family-$width.json"
        done
    done
    say "beside published times"
    # A process that had too little time has saved a file without a codec's times.
    saved=()
    for file in "$out"/*.json; do
        "$python" -m pytest_lic timing "$file" > "$out/times.txt" 2>&1 && saved+=("$file") || true
    done
    [ "${#saved[@]}" -gt 0 ] || { say "nothing was timed; give it more MINUTES"; exit 1; }
    "$python" -m pytest_lic timing "${saved[@]}" --reference thesis | tee "$out/times.txt"
}

[ "$mode" = train ] && train "$@" || times
