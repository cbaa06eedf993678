#!/usr/bin/env bash
# Builds the image and tries it as its users run it: with the sandbox, without privileges, read-only,
# killed, stopped, its store taken away. Needs docker or podman, curl and openssl; takes a minute after the build.
#
#   tests/image.sh            builds the image of this checkout and tries it
#   tests/image.sh IMAGE      tries an image that is there
#
#   ENGINE="podman --runtime runc"   the engine and its global flags; else docker, else podman
#   NETWORK=host                     for machines without networks for containers
#   RUN_FLAGS="--ulimit nofile=1024" further flags for every container
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

MAX_BYTES=40000000
PORT=18080
SANDBOX_PORT=18090
SECRET='image-test'
run_id=relay-image-$$

if [[ -z ${ENGINE:-} ]]; then
  ENGINE=$(command -v docker || command -v podman) || {
    echo 'tests/image.sh needs docker or podman' >&2
    exit 1
  }
fi
read -ra engine <<<"$ENGINE"
read -ra run_flags <<<"${RUN_FLAGS:-}"
if [[ ${NETWORK:-} == host ]]; then
  run_flags+=(--network host)
  relay_port=() customerio_port=()
  customerio=http://localhost:$SANDBOX_PORT
else
  # The relay finds the stand-in by name, so that looking up names is tried as well.
  run_flags+=(--network "$run_id")
  relay_port=(-p "127.0.0.1:$PORT:$PORT") customerio_port=(-p "127.0.0.1:$SANDBOX_PORT:$SANDBOX_PORT")
  customerio=http://$run_id-customerio:$SANDBOX_PORT
fi
scratch=$(mktemp -d)
# Docker has no writable folder beside the volume; podman would add some.
locked_down=(--read-only --cap-drop all --security-opt no-new-privileges --user 65532)
[[ ${engine[0]##*/} == podman ]] && locked_down+=(--read-only-tmpfs=false)

clean() {
  local name
  for name in relay customerio trial; do
    "${engine[@]}" rm -fv "$run_id-$name" >/dev/null 2>&1 || true
  done
  "${engine[@]}" volume rm -f "$run_id" >/dev/null 2>&1 || true
  "${engine[@]}" network rm "$run_id" >/dev/null 2>&1 || true
  rm -rf "$scratch" 2>/dev/null || true
}
trap clean EXIT

fail() {
  echo "FAILED: $*" >&2
  "${engine[@]}" logs "$run_id-relay" >&2 2>/dev/null | tail -n 30 >&2 || true
  exit 1
}
passed() { printf 'ok  %s\n' "$*"; }
now() { date +%s%3N; }

# Waits until a command succeeds.
eventually() {
  local what=$1 deadline=$((SECONDS + 90))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "waited in vain until $what"
    sleep 0.1
  done
}

# Starts the relay with nothing that it doesn't need: relay VOLUME [FLAG...]
relay() {
  local volume=$1
  shift
  "${engine[@]}" run -d --name "$run_id-relay" "${run_flags[@]}" "${relay_port[@]}" \
    "${locked_down[@]}" -v "$volume:/data" \
    -e "RELAY__SERVER__LISTEN=0.0.0.0:$PORT" -e "RELAY__GROWSURF__WEBHOOK_SECRETS=$SECRET" \
    -e CIO_SITE_ID=site -e CIO_API_KEY=key -e "RELAY__CUSTOMERIO__BASE_URL=$customerio" \
    "$@" "$image" >/dev/null
  eventually 'the relay is ready' "${engine[@]}" exec "$run_id-relay" referral-relay healthcheck
}

remove_relay() { "${engine[@]}" rm -fv "$run_id-relay" >/dev/null; }

# True if the engine's own health check of a container says so: health_is NAME STATE. Docker runs it
# every ten seconds by itself; podman needs systemd for that, so it is run here.
health_is() {
  local found=healthy
  if [[ ${engine[0]##*/} == podman ]]; then
    "${engine[@]}" healthcheck run "$run_id-$1" >/dev/null 2>&1 || found=unhealthy
  else
    found=$("${engine[@]}" inspect --format '{{.State.Health.Status}}' "$run_id-$1")
  fi
  [[ $found == "$2" ]]
}

# Sends the webhook of a new participant, signed, and prints the answer: webhook NAME
webhook() {
  local ts=1795000000000 body signature
  body='{"event":"NEW_PARTICIPANT_ADDED","createdAt":'$ts',"data":{"id":"'$1'","email":"'$1'@example.com","referralCount":0,"shareUrl":"https://shop.example.com?grsf='$1'","campaign":{"id":"demo01","name":"Spring"}}}'
  ts=$(date +%s)000
  signature=$(printf '%s.%s' "$ts" "$body" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/^.* //')
  curl -sS -m 10 "http://127.0.0.1:$PORT/webhooks/growsurf" -H 'Content-Type: application/json' \
    -H "GrowSurf-Signature: ts=$ts,v=$signature" -d "$body"
}

must() {
  local status=$1 answer
  answer=$(webhook "$2") || fail "no answer to the webhook of $2"
  [[ $answer == *"\"status\":\"$status\""* ]] || fail "expected $status, got $answer"
}

# True if so many events of a person are at Customer.io: arrived NAME NUMBER
arrived() {
  local events
  events=$(curl -sS "http://127.0.0.1:$SANDBOX_PORT/sandbox/events" |
    grep -o "\"identifier\":\"$1@example.com\"" | wc -l)
  ((events == $2))
}

if (($# > 0)); then
  image=$1
else
  image=referral-relay:test
  format=()
  # Only Docker's format of images has health checks, and podman doesn't take it by itself.
  [[ ${engine[0]##*/} == podman ]] && format=(--format docker)
  "${engine[@]}" build "${format[@]}" -t "$image" .
fi

size=$("${engine[@]}" image inspect --format '{{.Size}}' "$image")
((size < MAX_BYTES)) || fail "the image has $size bytes, more than $MAX_BYTES"
passed "the image has $((size / 1000000)).$((size / 100000 % 10)) MB"

[[ $("${engine[@]}" image inspect --format '{{.Config.User}}' "$image") == 65532:65532 ]] ||
  fail 'the image has another user than 65532'
"${engine[@]}" image inspect "$image" | grep -q org.opencontainers.image.licenses ||
  fail 'the image has no labels'
"${engine[@]}" create --name "$run_id-relay" "$image" >/dev/null
files=$("${engine[@]}" export "$run_id-relay" | tar -t)
remove_relay
grep -q 'etc/ssl/certs/ca-certificates.crt' <<<"$files" || fail 'the image has no CA certificates'
! grep -E '(^|/)(sh|bash|dash|busybox)$' <<<"$files" || fail 'the image has a shell'
passed 'CA certificates, no shell, not root, labels'

[[ ${NETWORK:-} == host ]] || "${engine[@]}" network create "$run_id" >/dev/null

labelled=$("${engine[@]}" image inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' "$image")
[[ $("${engine[@]}" run --rm "${run_flags[@]}" "$image" --version) == "referral-relay $labelled"* ]] ||
  fail "the image's label says version '$labelled', the program another"
passed "the label names version $labelled"

# The README's first line, with nothing but published ports.
"${engine[@]}" run -d --name "$run_id-trial" "${run_flags[@]}" "${locked_down[@]}" \
  -p 127.0.0.1:8080:8080 -p 127.0.0.1:8090:8090 "$image" serve --sandbox >/dev/null
trial_logs() { "${engine[@]}" logs "$run_id-trial" 2>/dev/null; }
printed() { trial_logs | grep -q 'stop with Ctrl-C'; }
eventually 'the first steps are printed' printed
first_step=$(trial_logs | sed -n "/^curl.*webhooks/,/-d '/p")
[[ $(bash -c "$first_step") == *'"status":"accepted"'* ]] || fail 'the printed curl failed'
events_are() { (($(curl -sS http://127.0.0.1:8090/sandbox/events | grep -o '"seq":' | wc -l) >= $1)); }
eventually 'both events are there' events_are 2
backfill=$(trial_logs | sed -n '/^docker exec/,/backfill$/p')
backfill=${backfill/docker/${engine[*]}}
bash -c "${backfill/CONTAINER/$run_id-trial}" >/dev/null || fail 'the printed backfill failed'
eventually 'the history is there' events_are 100
eventually 'the trial is healthy' health_is trial healthy
"${engine[@]}" stop "$run_id-trial" >/dev/null
"${engine[@]}" rm -fv "$run_id-trial" >/dev/null
passed 'serve --sandbox is reachable from the host: curl, history, health check'

"${engine[@]}" run -d --name "$run_id-customerio" "${run_flags[@]}" "${locked_down[@]}" \
  "${customerio_port[@]}" -e "RELAY_SANDBOX_LISTEN=0.0.0.0:$SANDBOX_PORT" "$image" sandbox \
  >/dev/null
eventually 'the stand-in answers' curl -sf "http://127.0.0.1:$SANDBOX_PORT/sandbox/stats"
eventually 'the stand-in is healthy' health_is customerio healthy
passed 'the stand-ins alone have a green health check'

started=$(now)
relay "$run_id"
passed "ready $(($(now) - started)) ms after \`run\`: read-only, no capabilities, a new volume"
must accepted ann
eventually 'the webhook arrives' arrived ann 1
eventually 'the health check is green' health_is relay healthy
passed 'a signed webhook arrives; the health check is green'

started=$(now)
"${engine[@]}" stop "$run_id-relay" >/dev/null
took=$(($(now) - started))
code=$("${engine[@]}" inspect --format '{{.State.ExitCode}}' "$run_id-relay")
((code == 0)) || fail "the stopped relay exited with $code"
((took < 10000)) || fail "the stop took $took ms"
passed "\`stop\` is a clean end, in $took ms"
remove_relay

# Nothing listens where this one delivers to, so the webhook is still pending when it is killed.
relay "$run_id" -e RELAY__CUSTOMERIO__BASE_URL=http://127.0.0.1:9
must duplicate ann
must accepted bob
"${engine[@]}" kill --signal KILL "$run_id-relay" >/dev/null
remove_relay
arrived bob 0 || fail 'bob arrived although nothing could'
started=$(now)
relay "$run_id"
eventually 'the webhook arrives after the kill' arrived bob 1
passed "an acknowledged webhook survives SIGKILL and a new container ($(($(now) - started)) ms)"
"${engine[@]}" exec "$run_id-relay" referral-relay backup - >"$scratch/backup.db"
[[ $(head -c 15 "$scratch/backup.db") == 'SQLite format 3' ]] || fail 'there is no backup'
passed 'a backup needs no other writable folder than the volume'
must duplicate bob
arrived bob 1 || fail 'bob arrived twice'
arrived ann 1 || fail 'ann arrived twice'
passed 'data is kept across containers; nothing arrives twice'
remove_relay

# A folder of the host's can be reached into.
mkdir "$scratch/data"
chmod 777 "$scratch/data"
relay "$scratch/data"
must accepted cem
mv "$scratch/data/relay.db" "$scratch/data/away.db"
eventually 'the health check is red' health_is relay unhealthy
[[ $(webhook dan) == *'"status":503'* ]] || fail 'a webhook was taken without a store'
mv "$scratch/data/away.db" "$scratch/data/relay.db"
eventually 'the health check is green again' health_is relay healthy
must accepted dan
passed 'the store taken away: health check red, webhooks refused; given back: all is well'
echo "$image passed"
