#!/usr/bin/env bash
# Runs PgBouncer with these settings, and installs it first if it is missing. It ends with whoever has
# started it.
set -euo pipefail

if ! command -v pgbouncer >/dev/null && [[ ! -x /usr/sbin/pgbouncer ]]; then
  root=()
  ((EUID == 0)) || root=(sudo -n)
  "${root[@]}" apt-get -qq update >&2
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install --no-install-recommends \
    --yes pgbouncer >&2
fi
export PATH=$PATH:/usr/sbin
as=()
if ((EUID == 0)); then
  user=postgres
  id -u "$user" >/dev/null 2>&1 || user=nobody
  as=(--reuid="$user" --regid="$(id -g "$user")" --clear-groups)
fi
exec setpriv "${as[@]}" --pdeathsig KILL pgbouncer -q "$1"
