#!/bin/sh
# Checks the types that the browser's scripts state in their comments. The scripts need no build and
# no node to run, so a machine without npm goes without this check, and says so.
set -eu
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null 2>&1; then
    echo "script types: not checked, since there is no npm here"
    exit 0
fi
stamp="node_modules/.installed-$(cksum <package-lock.json | tr ' ' -)"
if ! [ -e "$stamp" ]; then
    npm ci --ignore-scripts --no-audit --no-fund --silent
    touch "$stamp"
fi
node_modules/.bin/tsc --project tsconfig.json
node_modules/.bin/tsc --project tsconfig.worker.json
echo "script types: right"
