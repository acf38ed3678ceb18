#!/usr/bin/env bash
# Whether code may go to the GPU runner: allowed=true or false. GitHub makes an environment that does
# not exist without asking anybody, so a fork's code goes on only where reviewers are named.
#
# FORK               true for code from another repository
# GITHUB_REPOSITORY  as GitHub sets it
# GITHUB_OUTPUT      gets the answer
set -euo pipefail

allowed=true
if [ "$FORK" != false ]; then
    rules=$(gh api "repos/$GITHUB_REPOSITORY/environments/rd-gate-gpu-forks" \
        --jq '.protection_rules[].type') || rules=
    if ! grep -qx required_reviewers <<<"$rules"; then
        echo "the environment rd-gate-gpu-forks names no reviewers: code from a fork stays away" \
            "from the GPU runner"
        allowed=false
    fi
fi
echo "allowed=$allowed" >>"$GITHUB_OUTPUT"
