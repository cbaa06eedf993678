"""Customer.io's own library for Python, with each method of its Track client against the stand-in.

Left out: `APIClient`, the App API, which the relay doesn't use. Arguments: the stand-in's host and
port behind TLS, on which this library insists, and its URL without.
"""

import json
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

from customerio import CustomerIO, CustomerIOException

host, port, url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
cio = CustomerIO("site", "key", host=host, port=port)


def shown(path):
    with urllib.request.urlopen(f"{url}/sandbox/{path}") as answer:
        return json.load(answer)


def is_gone(who):
    try:
        shown(f"people/{who}")
    except urllib.error.HTTPError as error:
        return error.code == 404
    return False


def refused(call, status):
    try:
        call()
    except CustomerIOException as error:
        assert str(error).startswith(f"{status}:"), error
    else:
        raise AssertionError(f"{status} was expected")


joined = datetime(2026, 9, 21, tzinfo=timezone.utc)
cio.identify("1", email="Ann@example.com", created_at=joined, score=1.5, none=float("nan"),
             address={"city": "Paris"}, tags=["a", {"b": 1}])
ann = shown("people/1")
assert ann["email"] == "ann@example.com", ann
assert ann["attributes"] == {
    "created_at": int(joined.timestamp()),
    "score": 1.5,
    "address": {"city": "Paris"},
    "tags": ["a", {"b": 1}],
}, ann
cio.identify("a+b@x.com/..", plan="free")
refused(lambda: cio.identify("1", long="x" * 1001), 400)

cio.track("1", "purchase", {"price": 12.5}, id="01ARZ3NDEKTSV4RRFFQ69G5FAV", timestamp=1790000001)
cio.track("1", "purchase", {"price": 12.5}, id="01ARZ3NDEKTSV4RRFFQ69G5FAV", timestamp=1790000001)
cio.backfill("1", "old", 1700000000, plan="a")
cio.pageview("1", "https://shop.example.com/", referer="x")
cio.track_anonymous("anon-1", "visited")
refused(lambda: cio.track("1", "n" * 101), 400)
names = [event["name"] for event in shown("events")["events"]]
assert names == ["purchase", "old", "https://shop.example.com/", "visited"], names

cio.add_device("1", "token", "ios", last_used=1790000000)
cio.delete_device("1", "token")
cio.identify("2", city="Rome")
cio.merge_customers("id", "1", "id", "2")
assert shown("people/1")["attributes"]["city"] == "Rome"

person = {"type": "person", "identifiers": {"id": "3"}}
answer = cio.batch([{**person, "action": "identify", "attributes": {"plan": "a"}},
                    {**person, "action": "event", "name": "joined"}])
assert answer.status_code == 200 and answer.json() == {}, answer.text
answer = cio.batch([{**person, "action": "identify", "attributes": {"plan": "b"}},
                    {**person, "action": "dance"}])
assert answer.status_code == 207, answer.text
assert [error["batch_index"] for error in answer.json()["errors"]] == [1], answer.text

cio.suppress("1")
cio.identify("1", plan="again")
assert is_gone("1")
cio.unsuppress("1")
cio.identify("1", plan="again")
assert shown("people/1")["attributes"] == {"plan": "again"}
cio.delete("1")
assert is_gone("1")
refused(lambda: CustomerIO("", "", host=host, port=port).identify("9"), 401)
print("customerio: every method works")
