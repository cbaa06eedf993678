"""What schemathesis needs to be let in: tokens, and signatures over the body as it is sent.

What belongs here: proofs, and what no schema can say. What doesn't: what is expected of which path,
which is `schemathesis.toml`'s.
"""

import hashlib
import hmac
import time

import schemathesis
from requests.auth import AuthBase
from schemathesis.core.parameters import ParameterLocation

# What `run.py` starts the relay with; `serve --sandbox` takes GrowSurf's webhooks with no other.
SECRET = "sandbox"
TOKEN = "the-token-of-the-trial"
CAMPAIGN = "demo01"


def signature(message):
    return hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()


def raw(request):
    body = request.body or b""
    return body.encode() if isinstance(body, str) else body


class Bearer(AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {TOKEN}"
        return request


class Growsurf(AuthBase):
    def __call__(self, request):
        at = str(int(time.time() * 1000))
        signed = signature(at.encode() + b"." + raw(request))
        request.headers["GrowSurf-Signature"] = f"ts={at},v={signed}"
        return request


class Customerio(AuthBase):
    def __call__(self, request):
        at = str(int(time.time()))
        request.headers["X-CIO-Timestamp"] = at
        request.headers["X-CIO-Signature"] = signature(f"v0:{at}:".encode() + raw(request))
        return request


# By the scheme that an operation names in the document, so that a new path needs nothing here.
PROOFS = {
    "admin_token": Bearer(),
    "api_token": Bearer(),
    "growsurf_signature": Growsurf(),
    "customerio_signature": Customerio(),
}


@schemathesis.auth(refresh_interval=None)
class Proof:
    def get(self, case, context):
        # Where it is tried what happens without a header, the header must not come back. (Of a pair
        # of headers that are both left out, schemathesis doesn't see that for itself.)
        if case.meta is not None and case.meta.is_negative_at(ParameterLocation.HEADER):
            return None
        schemes = context.operation.definition.raw.get("security", [])
        return next((PROOFS[name] for scheme in schemes for name in scheme if name in PROOFS), None)

    def set(self, case, proof, context):
        # Signed is what is sent, so it is done by requests at the very end.
        case._auth = proof


def plain(value):
    """A whole number without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    """What the schema allows, and only the description forbids, is left out of what must be taken."""
    if case.path in ("/v1/clicks", "/v1/shares"):
        # Browsers say where a page is from; else its body isn't even read.
        case.headers["Origin"] = "http://127.0.0.1"
    body = case.body
    is_strict = case.path in ("/v1/events", "/webhooks/customerio/action")
    if not is_strict or not is_positive(case) or not isinstance(body, dict):
        return
    # A schema can't say what time it is: what would lie in the future happens now.
    at, now = body.get("occurred_at"), int(time.time())
    if isinstance(at, (int, float)) and at > now:
        body = {**body, "occurred_at": now}
    # It can't say how a number is written: an id such as 1e5 isn't the number that it looks like.
    if case.path == "/webhooks/customerio/action":
        body = {name: plain(value) for name, value in body.items()}
    # Nor which campaigns the settings name.
    if body.get("campaign") is not None:
        body = {**body, "campaign": CAMPAIGN}
    # It counts characters, where mail counts bytes.
    for name in ("email", "referred_by"):
        address = body.get(name)
        if isinstance(address, str) and len(address.lower().encode()) > 254:
            body = {**body, name: "fay@example.com"}
    # So it does where ids have at most 200 bytes.
    for name in ("dedupe_key", "id", "participant", "referred_by"):
        text = body.get(name)
        if isinstance(text, str) and "@" not in text and len(text.encode()) > 200:
            body = {**body, name: "order-4711"}
    case.body = body
