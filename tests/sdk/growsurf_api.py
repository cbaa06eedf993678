"""GrowSurf's own library for Python, with each method that concerns the relay, against the stand-in.

Every answer has to fit the library's models strictly: no field of another type, none missing, none
that the library doesn't know. Argument: the stand-in's URL.
"""

import json
import sys
import urllib.request

import growsurf
from growsurf import Growsurf
from growsurf._models import BaseModel
from growsurf._resource import SyncAPIResource
from growsurf.types.campaign import Participant

# What the relay neither asks for nor writes, so the stand-in doesn't have it.
LEFT_OUT = {
    # The owner's account and team.
    "account.create", "team.retrieve", "team.update", "team.rotate_api_key",
    "team.request_verification", "team.resend_owner_verification_email",
    # Making programs, and everything that GrowSurf itself shows or sends.
    "campaign.create", "campaign.update", "campaign.clone", "campaign.create_mobile_participant_token",
    "campaign.capture_referral_flow_screenshots", "campaign.list_leaderboard",
    "campaign.retrieve_analytics", "campaign.retrieve_activation_analytics",
    "campaign.list_affiliate_applications", "campaign.retrieve_affiliate_application",
    "campaign.review_affiliate_application", "campaign.list_affiliate_invites",
    "campaign.create_affiliate_invite", "campaign.revoke_affiliate_invite",
    "campaign.resend_affiliate_invite", "campaign.participant.send_invites",
    "campaign.participant.email",
    # The stand-in's control interface approves and pays instead.
    "campaign.reward.approve", "campaign.reward.fulfill", "campaign.reward.delete",
    "campaign.commission.approve", "campaign.commission.delete",
    "campaign.participant.record_transaction", "campaign.participant.refund_transaction",
    "campaign.participant.get_payout_destination",
    "campaign.participant.request_payout_destination_confirmation",
    # Several at once, logs and reports.
    "campaign.participant.bulk_delete", "campaign.participant.delete",
    "campaign.participant.list_commissions", "campaign.participant.list_payouts",
    "campaign.participant.list_activity_logs",
    "campaign.participant.retrieve_analytics",
    # How the program is set up.
    "campaign.rewards.create", "campaign.rewards.update", "campaign.rewards.delete",
    "campaign.resources.*", "campaign.design.*", "campaign.emails.*", "campaign.options.*",
    "campaign.installation.*", "campaign.webhooks.create", "campaign.webhooks.delete",
}
ID = "demo01"
url = sys.argv[1]


def be_strict(model):
    for below in model.__subclasses__():
        below.model_config = {**below.model_config, "extra": "forbid", "strict": True}
        be_strict(below)


be_strict(BaseModel)
used = set()


class Watched:
    """A resource of the library that notes which of its methods are used."""

    def __init__(self, resource, name=""):
        self._resource, self._name = resource, name

    def __getattr__(self, name):
        found, path = getattr(self._resource, name), f"{self._name}{name}"
        if isinstance(found, SyncAPIResource):
            return Watched(found, f"{path}.")
        used.add(path)
        return found


def client(key="sandbox", retries=0):
    return Growsurf(api_key=key, base_url=f"{url}/growsurf/v2", max_retries=retries,
                    _strict_response_validation=True)


def control(method, what, body):
    request = urllib.request.Request(f"{url}/sandbox/growsurf/{what}", json.dumps(body).encode(),
                                     method=method)
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


def refused(error, call):
    try:
        call()
    except error as refusal:
        return refusal
    raise AssertionError(f"{error.__name__} was expected")


def pages(ask, rows, **query):
    """All rows of a list, page by page."""
    found = []
    while True:
        page = ask(limit=37, **query)
        found += getattr(page, rows)
        if page.next_id is None:
            return found
        query["next_id"] = page.next_id


unlimited = [10**6, 10**6, 10**6]
control("PUT", "limits", unlimited)
control("PUT", "program", {"campaigns": [{"id": ID}, {"id": "partners", "type": "AFFILIATE"}]})
campaign = Watched(client()).campaign

# The strictness is real.
row = campaign.participant.retrieve(campaign.list_participants(ID).participants[0].id, id=ID)
row = row.to_dict(mode="json")
assert Participant.model_validate(row).id == row["id"]
refused(ValueError, lambda: Participant.model_validate({**row, "surprise": 1}))
refused(ValueError, lambda: Participant.model_validate({**row, "rank": "9"}))

# Programs, and the rewards that they have configured.
listed = campaign.list().campaigns
assert [it.type for it in listed] == ["REFERRAL", "AFFILIATE"], listed
program = campaign.retrieve(ID)
assert program == listed[0]
configured = campaign.rewards.list(ID).rewards
off = [reward.id for reward in configured if not reward.is_visible]
assert len(off) == 1 and off[0] not in [reward.id for reward in program.rewards], off
campaign.rewards.list("partners")

# Participants, whose counts agree with the referrals.
people = pages(lambda **query: campaign.list_participants(ID, **query), "participants")
assert len({it.id for it in people}) == program.participant_count == 300
referrals = pages(lambda **query: campaign.list_referrals(ID, **query), "referrals")
for person in people:
    of = [it.referral_status for it in referrals if it.referred_by == person.id]
    assert person.referral_count == of.count("CREDIT_AWARDED")
    assert person.lead_count == of.count("CREDIT_PENDING")
champion = max(people, key=lambda it: it.referral_count)
assert champion.referral_count >= 10 and champion.rank == 1
assert champion == campaign.participant.retrieve(champion.email, id=ID)
user = people[-1].metadata["shopUserId"]
found = campaign.list_participants(ID, metadata={"shopUserId": user}).participants
assert [it.id for it in found] == [people[-1].id]

# Referrals, in every order; invitations are masked.
for field in ["updatedAt", "createdAt", "email", "firstName", "lastName", "referralStatus",
              "referralTriggeredAt"]:
    for desc in [True, False]:
        rows = pages(lambda **query: campaign.list_referrals(ID, **query), "referrals",
                     sort_by=field, desc=desc)
        assert len(rows) == len(referrals)
page = campaign.list_referrals(ID, limit=100)
rest = campaign.list_referrals(ID, limit=100, next_id=page.next_id)
assert page.more and not rest.more and len(page.referrals + rest.referrals) == len(referrals)
invited = campaign.list_referrals(ID, referral_status="INVITE_SENT").referrals
assert invited and all(it.email == "***************" for it in invited)
friends = pages(lambda **query: campaign.participant.list_referrals(champion.id, id=ID, **query),
                "referrals", referral_status="CREDIT_AWARDED")
assert len(friends) == champion.referral_count
friend = campaign.participant.retrieve(friends[0].id, id=ID)
assert friend.referrer.id == friend.referred_by == champion.id

# Rewards of both sides, one a page.
rewards = []
page = campaign.participant.list_rewards(champion.id, id=ID, limit=1)
while page.next_id is not None:
    rewards += page.rewards
    page = campaign.participant.list_rewards(champion.id, id=ID, limit=1, next_id=page.next_id)
rewards += page.rewards
assert rewards == champion.rewards and all(it.is_referrer for it in rewards)
assert any(it.reward_id in off for it in rewards)
assert [it.is_referrer for it in friend.rewards] == [False]

# What the relay writes.
added = campaign.participant.add(ID, email="New@example.com", first_name="Nia",
                                 referred_by=champion.email, metadata={"customer_id": 7})
again = campaign.participant.add(ID, email="new@example.com", first_name="Other")
assert (added.is_new, again.is_new, again.first_name) == (True, False, "Nia")
assert added.metadata == {"customerId": "7"} and added.referral_status == "CREDIT_PENDING"
updated = campaign.participant.update(added.id, id=ID, unsubscribed=True, last_name="New",
                                      metadata={"plan": "pro"})
assert updated.unsubscribed and updated.metadata == {"customerId": "7", "plan": "pro"}
refused(growsurf.BadRequestError, lambda: campaign.participant.update(
    added.id, id=ID, extra_body={"referralCount": 9}))
trigger, cancel = campaign.participant.trigger_referral, campaign.participant.cancel_delayed_referral
assert trigger(added.id, id=ID, delay_in_days=7).success
assert cancel(added.id, id=ID).success and not cancel(added.id, id=ID).success
assert trigger(added.id, id=ID, delay_in_days=90).success
assert campaign.participant.retrieve(added.id, id=ID).referral_status == "CREDIT_PENDING"
long_ago = {"convert": {"friend": added.id, "delayInDays": 90}}
control("POST", "changes", {"at": 1_700_000_000_000, "changes": [long_ago]})
assert campaign.participant.retrieve(added.id, id=ID).referral_status == "CREDIT_AWARDED"
answer = trigger(added.id, id=ID)
assert (answer.success, answer.message) == (False, "Referral credit has already been awarded")
control("POST", "changes", {"changes": [{"delete": {"participant": added.id}}]})
gone = refused(growsurf.BadRequestError, lambda: campaign.participant.retrieve(added.id, id=ID))
assert gone.body["status"] == 400, gone.body

# Affiliates and their customers.
affiliates = pages(lambda **query: campaign.list_participants("partners", **query), "participants")
assert {(it.is_affiliate, it.share_url is not None) for it in affiliates} == {(True, True), (False, False)}
commissions = pages(lambda **query: campaign.list_commissions("partners", **query), "commissions")
payouts = pages(lambda **query: campaign.list_payouts("partners", **query), "payouts")
assert {it.status for it in commissions} >= {"PENDING", "PAID"} and payouts
for ask in [campaign.list_commissions, campaign.list_payouts]:
    refused(growsurf.UnprocessableEntityError, lambda: ask(ID))

# Webhooks and integrations.
primary = campaign.webhooks.list(ID).webhooks[0]
assert primary.id == "primary" and len(primary.events) == 7
campaign.webhooks.update("primary", id=ID, events=[], is_enabled=False)
refused(growsurf.BadRequestError, lambda: campaign.webhooks.test("primary", id=ID))
campaign.webhooks.update("primary", id=ID, events=primary.events, is_enabled=True)
assert campaign.webhooks.list(ID).webhooks == [primary]
tested = campaign.webhooks.test("primary", id=ID)
assert tested.success and tested.payload["event"] == primary.events[0]
assert "customerio" in [it.id for it in campaign.integrations.list(ID).integrations]

# Refusals, limits and faults, as the library knows them.
refused(growsurf.NotFoundError, lambda: campaign.retrieve("nowhere"))
refused(growsurf.PermissionDeniedError, lambda: client("wrong").campaign.list())
control("PUT", "keys", {"sandbox": None, "reader": ["program:read", "participant:read"]})
client("reader").campaign.list_participants(ID)
refused(growsurf.PermissionDeniedError,
        lambda: client("reader").campaign.participant.list_rewards(champion.id, id=ID))
control("PUT", "faults", {"rules": [{"status": 409, "times": 2}, {"status": 503, "times": 1}]})
refused(growsurf.ConflictError, campaign.list)
assert client(retries=2).campaign.list().campaigns, "the library repeats a 409 and a 503"
sunset = {"match": {"path": "/webhooks"}, "headers": {"Sunset": "Sat, 01 Jan 2028 00:00:00 GMT"}}
control("PUT", "faults", {"rules": [sunset]})
raw = campaign.webhooks.with_raw_response.list(ID)
assert "sunset" in raw.headers and raw.parse().webhooks
control("PUT", "limits", [1, 400, 20_000])
raw = client().campaign.with_raw_response.list()
assert raw.headers["ratelimit"].startswith('"second";r=0;t=')
limited = refused(growsurf.RateLimitError, campaign.list)
assert int(limited.response.headers["retry-after"]) > 0 and limited.body["code"] == "RATE_LIMIT"
control("PUT", "limits", unlimited)


def methods(resource, name):
    """All methods of the library, by the path to each."""
    for member in dir(type(resource)):
        if member.startswith("_") or member.startswith("with_"):
            continue
        found = getattr(resource, member)
        if isinstance(found, SyncAPIResource):
            yield from methods(found, f"{name}.{member}")
        elif callable(found):
            yield f"{name}.{member}"


library = client()
known = [*methods(library.account, "account"), *methods(library.team, "team"),
         *methods(library.campaign, "campaign")]
untried = {it for it in known if it not in used and f"{it.rsplit('.', 1)[0]}.*" not in LEFT_OUT}
assert untried == {it for it in LEFT_OUT if not it.endswith("*")}, sorted(untried ^ LEFT_OUT)
print(f"growsurf-python: {len(used & set(known))} methods work")
