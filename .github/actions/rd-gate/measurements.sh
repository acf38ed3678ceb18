#!/usr/bin/env bash
# Fetch what the last push to the base branch measured, for a pull request; for anything else see
# that there is nothing. Caches of GitHub's would not do: a pull request sees those that it saved
# itself, with whatever was in them.
#
# GITHUB_BASE_REF, GITHUB_REPOSITORY, GITHUB_WORKFLOW_REF  as GitHub sets them; only a pull request
#                                                          has a base
# RD_GATE_ARTIFACT                                         name of the artifact
set -euo pipefail

folder=.rd-gate-measurements
workflow=${GITHUB_WORKFLOW_REF%@*}
rm -rf "$folder"  # nothing that the checkout brought along counts
if [ -z "${GITHUB_BASE_REF:-}" ]; then
    echo "measurements: this is no pull request, so everything is measured anew"
    exit 0
fi
run=$(gh api --method GET "repos/$GITHUB_REPOSITORY/actions/workflows/${workflow##*/}/runs" \
    -f branch="$GITHUB_BASE_REF" -f event=push -f status=completed -f per_page=1 \
    --jq '.workflow_runs[0].id // empty') || run=
if [ -n "$run" ] && gh run download "$run" --repo "$GITHUB_REPOSITORY" \
    --name "$RD_GATE_ARTIFACT" --dir "$folder"; then
    echo "measurements: those of run $run on $GITHUB_BASE_REF"
else
    rm -rf "$folder"
    echo "measurements: none of $GITHUB_BASE_REF, so everything is measured anew"
fi
