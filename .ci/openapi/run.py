#!/usr/bin/env python3
"""Runs schemathesis against a relay: whether it keeps to the document that it publishes.

    .ci/openapi/run.py target/debug/referral-relay

What belongs here: the relay, its stand-in and what is in them; how schemathesis is started. What
doesn't: proofs (`hooks.py`), what is expected of single paths (`schemathesis.toml`), the versions
(`requirements.txt`).

    RELAY_OPENAPI_EXAMPLES=2000   how many requests each operation is tried with; 100 otherwise
    RELAY_OPENAPI_SEED=...        repeats a run; each prints its own
"""

import hashlib
import hmac
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRET = "sandbox"
# A token has at least 16 bytes.
TOKEN = "the-token-of-the-trial"
# Joins whose events the stand-in refuses for good, so that there are dead letters to ask for.
JOINS = 40
# The settings that no variable can set.
FILE = """
[page]
origins = ["http://127.0.0.1"]
posts_per_minute = 100000

[[growsurf.campaigns]]
id = "demo01"
page_key = "pk_trial01"
"""
# How long anything may take to begin.
PATIENCE = 30


def start(binary):
    """The relay and the stand-in on free ports, with everything switched on."""
    settings = {
        "SERVER__LISTEN": "127.0.0.1:0",
        "ADMIN__TOKEN": TOKEN,
        "API__TOKEN": TOKEN,
        "CUSTOMERIO__REPORTING_KEYS": SECRET,
        "CUSTOMERIO__ACTION_KEYS": SECRET,
        "LOG__LEVEL": "error",
    }
    environment = {name: value for name, value in os.environ.items() if "RELAY_" not in name}
    environment |= {f"RELAY__{name}": value for name, value in settings.items()}
    log = tempfile.TemporaryFile("w+")
    # Tables are in files only.
    file = tempfile.NamedTemporaryFile("w", suffix=".toml")
    file.write(FILE)
    file.flush()
    relay = subprocess.Popen(
        [binary, "serve", "--sandbox=127.0.0.1:0", "--config", file.name],
        env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
    )
    log.settings = file
    return relay, log


def told(log):
    log.seek(0)
    return log.read()


def addresses(relay, log):
    """Where the relay and its stand-in listen, as they print it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and relay.poll() is None:
        found = re.search(r"relay listens on +(\S+).*stand-in, is at +(\S+)", told(log), re.DOTALL)
        if found:
            return found.groups()
        time.sleep(0.05)
    sys.exit(f"the relay doesn't start:\n{told(log)}")


def ask(method, url, document=None, headers=None):
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    request.add_header("Content-Type", "application/json")
    if "/webhooks/" in url:
        at = str(int(time.time() * 1000))
        signed = hmac.new(SECRET.encode(), at.encode() + b"." + data, hashlib.sha256).hexdigest()
        request.add_header("GrowSurf-Signature", f"ts={at},v={signed}")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def make_dead_letters(relay, stand_in):
    """From now on the stand-in refuses every event, and it has refused those of some people."""
    rule = {"match": {"path": "/events"}, "status": 400}
    ask("PUT", f"{stand_in}/sandbox/faults", {"rules": [rule]})
    for number in range(JOINS):
        now = int(time.time() * 1000)
        participant = {
            "id": f"fay{number}", "email": f"fay{number}@example.com", "createdAt": now,
            "campaign": {"id": "demo01", "name": "Spring Referral Program"},
        }
        join = {"event": "NEW_PARTICIPANT_ADDED", "createdAt": now, "data": participant}
        ask("POST", f"{relay}/webhooks/growsurf", join)
        # One after the other: what waits with others is sent in a batch, which isn't refused.
        died(relay, number + 1)


def died(relay, count):
    """Waits until there are so many dead letters."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        letters = ask("GET", f"{relay}/admin/dead-letters", headers=bearer)["dead_letters"]
        if len(letters) >= count:
            return
        time.sleep(0.01)
    sys.exit(f"there are {len(letters)} dead letters, not {count}")


def schemathesis(relay, folder):
    seed = os.environ.get("RELAY_OPENAPI_SEED") or str(random.randrange(2**32))
    examples = os.environ.get("RELAY_OPENAPI_EXAMPLES") or "100"
    print(f"RELAY_OPENAPI_SEED={seed} RELAY_OPENAPI_EXAMPLES={examples}", flush=True)
    command = [
        sys.executable, "-m", "schemathesis.cli", f"--config-file={HERE / 'schemathesis.toml'}",
        "run", f"{relay}/openapi.json",
        f"--seed={seed}", f"--max-examples={examples}", "--continue-on-failure", "--no-color",
        "--request-timeout=10", "--generation-database=none",
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")}
    return subprocess.run(command, cwd=folder, env=environment).returncode


def main():
    relay, log = start(Path(sys.argv[1]).resolve())
    try:
        listens, stand_in = addresses(relay, log)
        make_dead_letters(listens, stand_in)
        with tempfile.TemporaryDirectory() as folder:
            failed = schemathesis(listens, folder)
        if relay.poll() is not None:
            sys.exit(f"the relay has ended with {relay.returncode}:\n{told(log)}")
    finally:
        relay.terminate()
        try:
            relay.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            relay.kill()
    if relay.returncode != 0:
        sys.exit(f"the relay didn't stop as it should ({relay.returncode}):\n{told(log)}")
    sys.exit(failed)


main()
