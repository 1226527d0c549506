#!/bin/sh
# Makes sure that there is a Chromium for the browser tests, from Debian's packages if need be.
set -eu

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

fail() {
    echo "The browser tests need Chromium: install it (Debian: apt-get install chromium) and run again" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || fail
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    fail
fi

echo "Installing Chromium for the browser tests"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install="$as_root apt-get install --yes --no-install-recommends chromium"
if ! { $as_root apt-get update && $install; } </dev/null >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    fail
fi
