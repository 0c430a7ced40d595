"""Lists over HTTP: pages behind opaque tokens, filters, and what is refused."""

import base64

import pytest

from shared.domain.release.model import Phase
from tests.functions.callers import Signer, answered, function, request
from tests.support.benches.release import Bench
from tests.support.builders import a_release

list_releases = function("list_releases")
GATE = Phase.AWAITING_REGISTRY_APPROVAL


async def test_pages_of_the_list_lead_to_its_end(bench: Bench, signer: Signer) -> None:
    for number in range(5):
        await bench.put(a_release(GATE, release_id=f"rel-{number}"))
    found, query = [], {"limit": "2"}
    for _ in range(3):
        body = answered(await list_releases(request(signer.token(), query=query)), 200)
        found.append([each["release_id"] for each in body["releases"]])
        query = {"limit": "2", "after": body["next"] or ""}
    assert (found, body["next"]) == ([["rel-0", "rel-1"], ["rel-2", "rel-3"], ["rel-4"]], None)


async def test_the_list_can_be_narrowed_to_what_waits_for_the_caller(bench: Bench, signer: Signer) -> None:
    """By their groups, which the token says."""
    await bench.put(a_release(GATE, release_id="gate"))
    await bench.put(a_release(Phase.PROMOTING, release_id="step"))
    query = {"waiting_for": "me", "phase": GATE.value, "kind": "model", "circuit": "P001/C001"}
    body = answered(await list_releases(request(signer.token(), query=query)), 200)
    assert [each["release_id"] for each in body["releases"]] == ["gate"]
    late = {"since": "2099-01-01T00:00:00Z"}
    assert answered(await list_releases(request(signer.token(), query=late)), 200)["releases"] == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"limit": "0"}, "1 to 200"),
        ({"limit": "201"}, "1 to 200"),
        ({"after": "not a token"}, "begin again"),
        ({"after": "A" * 2000}, "begin again"),
        ({"after": base64.urlsafe_b64encode(b"alerts:t|1").decode()}, "begin again"),
        ({"after": base64.urlsafe_b64encode(b"releases:elsewhere|1").decode()}, "begin again"),
        ({"after": base64.urlsafe_b64encode(b"releases:open|\n").decode()}, "begin again"),
        ({"after": base64.urlsafe_b64encode("releases:open|ä".encode()).decode()}, "begin again"),
        ({"phase": "asleep"}, "awaiting_registry_approval"),
        ({"kind": "thing"}, "model, environment, rollback"),
        ({"since": "yesterday"}, "2026-01-31T08:00:00Z"),
        ({"since": "2026-01-31T08:00:00"}, "time zone"),
        ({"waiting_for": "you"}, "is me"),
    ],
)
async def test_what_a_list_cannot_be_asked_is_refused_with_what_to_do(
    bench: Bench, signer: Signer, query: dict[str, str], said: str
) -> None:
    assert said in answered(await list_releases(request(signer.token(), query=query)), 400)["detail"]
