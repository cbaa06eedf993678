"""What schemathesis needs to be let in: tokens, and signatures over the body as it is sent.

What belongs here: proofs, and what no schema can say. What doesn't: what is expected of which path,
which is `schemathesis.toml`'s.
"""

import hashlib
import hmac
import re
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
    if is_strict and is_positive(case) and isinstance(body, dict):
        case.body = valid(body)


def valid(body):
    """The body with what only the descriptions say: which fields go together, and bytes of texts."""
    # A schema can't say what time it is: what would lie in the future happens now.
    at, now = body.get("occurred_at"), int(time.time())
    if isinstance(at, (int, float)):
        body = {**body, "occurred_at": min(int(at), now)}
    # Nor which campaigns the settings name.
    if body.get("campaign") is not None:
        body = {**body, "campaign": CAMPAIGN}
    # It counts characters, where mail and ids have a limit of bytes; and texts that hold a piece of a
    # template were never rendered.
    for name, text in body.items():
        if not isinstance(text, str):
            continue
        longest = {"email": 254, "referred_by": 64}.get(name, 200)
        is_text = name in ("channel", "product", "first_name", "last_name")
        is_short = is_text or len(text.lower().encode()) <= longest
        is_id = name != "referred_by" or re.fullmatch("[A-Za-z0-9_-]+", text)
        if not is_short or not is_id or "{{" in text or "{%" in text:
            other = "fay@example.com" if name == "email" else "order-4711"
            body = {**body, name: other}
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        is_rendered = lambda it: not isinstance(it, str) or "{{" not in it and "{%" not in it
        body = {**body, "metadata": {key: it for key, it in metadata.items() if is_rendered(it)}}
    # Some fields are needed where others are missing, and some exclude each other.
    who = ("email", "id", "participant")
    if body.get("type") in ("update_participant", "trigger_referral", "record_share"):
        if all(body.get(name) is None for name in who):
            body = {**body, "email": "fay@example.com"}
    if body.get("type") == "update_participant":
        body = {**body, "unsubscribed": True}
    if "event" in body:
        if body.get("email") is not None:
            body = {name: it for name, it in body.items() if name != "participant_id"}
        elif body.get("participant_id") is None:
            body = {**body, "participant_id": "fay0"}
    return body
