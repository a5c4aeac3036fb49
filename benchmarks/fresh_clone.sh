#!/bin/sh
# A fresh clone of HEAD: `make corpus` from nothing, then again with nothing changed. Prints both times.
#   benchmarks/fresh_clone.sh
# It installs an environment of its own, so it needs the package index; nothing is left behind.
set -eu
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT INT TERM
git clone --quiet "$root" "$home/malmoi"
cd "$home/malmoi"
# A package manager's and numba's caches of this user would make it less than fresh.
export UV_CACHE_DIR="$home/uv" PIP_CACHE_DIR="$home/pip" NUMBA_CACHE_DIR="$home/numba" PIP_DISABLE_PIP_VERSION_CHECK=1
unset VIRTUAL_ENV PYTHONPATH
for time in first again; do
    begun=$(date +%s)
    make corpus >"$home/$time.log" 2>&1 || { tail -n 40 "$home/$time.log"; exit 1; }
    echo "make corpus, $time: $(($(date +%s) - begun)) s"
done
