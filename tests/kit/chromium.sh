#!/usr/bin/env bash
# Chromium, driven through chromedriver: starts the driver and keeps it until standard input ends,
# however the process at its other end does; then the driver, every browser and all profiles are gone.
# `chromium.sh` prints the driver's port, the browser's program and the folder for profiles, a line
# each. `chromium.sh install` only makes sure that both programs are here.
set -euo pipefail
trap '' INT TERM HUP

version() {
  "$1" --version 2>/dev/null | sed -nE 's/^[^0-9]*([0-9]+)\..*/\1/p' | head -n 1
}

# A driver and a browser of one version: drivers refuse others.
programs() {
  local driver browser
  for driver in chromedriver "${CHROMEWEBDRIVER:-/nowhere}/chromedriver"; do
    command -v "$driver" >/dev/null || continue
    for browser in chromium google-chrome chromium-browser google-chrome-stable; do
      command -v "$browser" >/dev/null || continue
      if [[ $(version "$browser") == "$(version "$driver")" ]]; then
        command -v "$driver" "$browser"
        return
      fi
    done
  done
  return 1
}

# Without a font the page would be boxes.
install_them() {
  local root=()
  ((EUID == 0)) || root=(sudo -n)
  "${root[@]}" apt-get -qq update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \
    --yes chromium chromium-driver fonts-dejavu-core >/dev/null
}

if ! found=$(programs); then
  # Several tests may come here at once, some for other packages.
  exec 9>"${TMPDIR:-/tmp}/referral-relay-install.lock"
  flock 9
  found=$(programs) || { install_them >&2 && found=$(programs); } || {
    echo 'Chromium is missing and apt-get could not install it: install Chromium or Chrome and the' \
      'chromedriver of the same version (Debian: chromium, chromium-driver), so that both are on the' \
      'PATH' >&2
    exit 1
  }
  exec 9>&-
fi
if [[ ${1:-} == install ]]; then
  echo "$found"
  exit
fi
{ read -r driver && read -r browser; } <<<"$found"

# The browsers run in the driver's process group, which ends as a whole.
folder=$(mktemp -d "${TMPDIR:-/tmp}/relay-chromium.XXXXXX")
group=
ended() {
  [[ -z $group ]] || kill -KILL -- "-$group" 2>/dev/null || true
  # The last of them may still be writing.
  for _ in 1 2 3 4 5; do
    rm -rf "$folder" 2>/dev/null && return
    sleep 0.1
  done
}
trap ended EXIT
mkfifo "$folder/said"
set -m
HOME=$folder TMPDIR=$folder "$driver" --port=0 >"$folder/said" 2>&1 </dev/null &
group=$!
disown
set +m
exec 8<"$folder/said"
port=
while [[ -z $port ]] && read -r line <&8; do
  port=$(sed -nE 's/.*started successfully on port ([0-9]+).*/\1/p' <<<"$line")
done
[[ -n $port ]] || { echo 'chromedriver ended before it listened' >&2; exit 1; }
printf '%s\n' "$port" "$browser" "$folder"
# What it says from now on is read, so that it never waits for a reader.
cat <&8 >"$folder/log" &
while read -r _; do :; done
