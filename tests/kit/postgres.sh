#!/usr/bin/env bash
# A throw-away PostgreSQL cluster: makes one and keeps it until standard input ends, however the
# process at its other end does. `postgres.sh PORT FSYNC [FOLDER]` prints "up" once the server answers;
# its files are in FOLDER, or in memory where there is room for them. Then each line read is a command,
# answered by "done": "start", "stop fast", "stop immediate", "freeze" and "thaw", which stop every process
# of the server and let them go on, "promote", or "secure", which makes the server offer TLS with a
# certificate for 127.0.0.1, signed by an authority whose own is `ca.pem` beside the data.
# `postgres.sh PORT FSYNC "" PRIMARY` makes a standby of the server at the port PRIMARY instead.
# `postgres.sh install` only makes sure that the server's programs are here.
set -euo pipefail
trap '' INT TERM HUP

programs() {
  local folder
  for folder in "$(pg_config --bindir 2>/dev/null || true)" $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
    if [[ -x $folder/initdb && -x $folder/postgres ]]; then
      echo "$folder"
      return
    fi
  done
  folder=$(command -v initdb || true)
  [[ -n $folder ]] && dirname "$(readlink -f "$folder")"
}

# Debian's package would start a cluster of its own; nobody needs that.
install_them() {
  local root=()
  ((EUID == 0)) || root=(sudo -n)
  "${root[@]}" mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' | "${root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  "${root[@]}" apt-get -qq update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \
    --yes postgresql >/dev/null
}

if ! bin=$(programs) || [[ -z $bin ]]; then
  # Two test binaries may come here at once.
  exec 9>"${TMPDIR:-/tmp}/referral-relay-install.lock"
  flock 9
  bin=$(programs) || install_them >&2 || {
    echo 'PostgreSQL is missing and apt-get could not install it: install the server programs' \
      '(Debian: postgresql), so that initdb is on the PATH or in /usr/lib/postgresql' >&2
    exit 1
  }
  bin=$(programs)
  exec 9>&-
fi
if [[ $1 == install ]]; then
  echo "$bin"
  exit
fi

# The server refuses to run as root; and whoever it runs as may not be let into this folder.
if ((EUID == 0)); then
  user=postgres
  id -u "$user" >/dev/null 2>&1 || user=nobody
  script=$(<"$0")
  cd /
  exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups bash -c "$script" postgres.sh "$@"
fi

port=$1 fsync=$2 parent=${3:-} primary=${4:-}
cd /
if [[ -z $parent ]]; then
  space=$(df --output=avail --block-size=1M /dev/shm 2>/dev/null | tail -n 1 || echo 0)
  parent=${TMPDIR:-/tmp}
  ((space > 1500)) && [[ -w /dev/shm ]] && parent=/dev/shm
  [[ -w $parent ]] || parent=/tmp
fi
folder=$(mktemp -d "$parent/relay-postgres.XXXXXX")
each_process() {
  local postmaster
  postmaster=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null) || return 0
  # First the one that would make others.
  kill "-$1" "$postmaster"
  pgrep -P "$postmaster" | xargs -r kill "-$1" 2>/dev/null || true
}
ended() {
  each_process CONT 2>/dev/null || true
  "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop </dev/null >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap ended EXIT
if [[ -n $primary ]]; then
  make=("$bin/pg_basebackup" -h 127.0.0.1 -p "$primary" -U relay -D "$folder/data" -R -X stream -c fast --no-sync)
else
  make=("$bin/initdb" -D "$folder/data" -U relay --auth=trust --encoding=UTF8 --locale=C --no-sync)
fi
"${make[@]}" </dev/null >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
cat >>"$folder/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 400
fsync = $fsync
END

start() {
  "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 start </dev/null >/dev/null 2>&1 ||
    { cat "$folder/log" >&2; exit 1; }
}
secure() {
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  openssl req -x509 "${key[@]}" -days 2 -subj '/CN=authority of the tests' \
    -keyout "$folder/ca.key" -out "$folder/ca.pem"
  openssl req "${key[@]}" -subj '/CN=server of the tests' \
    -keyout "$folder/data/server.key" -out "$folder/server.csr"
  openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
    -days 2 -extfile <(echo 'subjectAltName = IP:127.0.0.1') -out "$folder/data/server.crt"
  chmod 600 "$folder/data/server.key"
  echo 'ssl = on' >>"$folder/data/postgresql.conf"
  "$bin/pg_ctl" -D "$folder/data" -w restart </dev/null >/dev/null
}
start
echo up
while read -r command mode; do
  case $command in
    start) start ;;
    secure) secure >>"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; } ;;
    freeze) each_process STOP ;;
    thaw) each_process CONT ;;
    promote) "$bin/pg_ctl" -D "$folder/data" -w promote </dev/null >/dev/null ;;
    stop) "$bin/pg_ctl" -D "$folder/data" -m "$mode" -w stop </dev/null >/dev/null 2>&1 ;;
    *) exit 1 ;;
  esac
  echo 'done'
done
