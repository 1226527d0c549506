#!/bin/sh
# Makes sure that there is a Chromium for the browser tests, from Debian's packages if need be; and,
# where that is easy, its headless shell: the same engine for a third of the work.
set -eu

fail() {
    echo "The browser tests need Chromium: install it (Debian: apt-get install chromium) and run again" >&2
    exit 1
}

has_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# Answers whether we may install, and how.
may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root=""
    [ "$(id -u)" = 0 ] && return 0
    as_root="sudo -n"
    $as_root true 2>/dev/null
}

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT

if ! has_chromium; then
    may_install || fail
    echo "Installing Chromium for the browser tests"
    install="$as_root apt-get install --yes --no-install-recommends chromium"
    if ! { $as_root apt-get update && $install; } </dev/null >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail
    fi
fi

# Of the very version that Chromium has, or not at all: nothing that is there is changed for it.
version=$(dpkg-query -W -f '${Version}' chromium 2>/dev/null || true)
if [ -n "$version" ] && ! command -v chromium-headless-shell >/dev/null 2>&1 && may_install; then
    echo "Installing Chromium's headless shell for the browser tests"
    timeout 300 $as_root apt-get install --yes --no-install-recommends \
        "chromium-headless-shell=$version" </dev/null >"$log" 2>&1 ||
        echo "It cannot be had: they run with Chromium, and take longer"
fi
