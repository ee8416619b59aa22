"""The coordination service's JSON: why an answer is unusable, and what of ours is as captures of the real one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from doctl.errors import ServiceError
from doctl.settings import DownloadMode
from doctl.wire import joining, service
from tests.fuzz.service_inputs import CONTENT_POLICY, DISCOVERY, GEO, JOIN, JOIN_ANSWER, KEY_VALUES, PEER

Parse = Callable[[bytes, str], Any]
GEO_STEP, POLICY_STEP = service.parse_geo, service.parse_content_policy


def body(example: dict[str, Any], **changes: Any) -> bytes:
    """Return an example with some values exchanged, those of None left out."""
    return json.dumps({name: value for name, value in {**example, **changes}.items() if value is not None}).encode()


REASONS: list[tuple[str, Parse, bytes, str, str]] = [
    ("a portal by its type", GEO_STEP, body(GEO), "text/html; charset=utf-8", "captive_portal"),
    ("a portal by its body", GEO_STEP, b"  <!DOCTYPE html>", "text/json", "captive_portal"),
    ("another type", GEO_STEP, body(GEO), "text/plain", "wrong_type"),
    ("no type", GEO_STEP, body(GEO), "", "wrong_type"),
    ("half an answer", GEO_STEP, body(GEO)[:-5], "text/json", "not_json"),
    ("nothing", GEO_STEP, b"", "text/json", "not_json"),
    ("too much", GEO_STEP, b" " * (service.MOST_ANSWER + 1), "text/json", "too_large"),
    ("0.0.0.0", GEO_STEP, body(GEO, ExternalIpAddress="0.0.0.0"), "text/json", "no_address"),
    ("no address", GEO_STEP, body(GEO, ExternalIpAddress=None), "text/json", "no_address"),
    ("no next step", GEO_STEP, body(GEO, KeyValue_EndpointFullUri=None), "text/json", "incomplete"),
    ("a next step that is a file", GEO_STEP, body(GEO, KeyValue_EndpointFullUri="file:///x"), "text/json", "bad_value"),
    (
        "no place for the content id",
        service.parse_key_values,
        body(KEY_VALUES, Discovery_EndpointFullUri="https://disc.example/"),
        "text/json",
        "bad_value",
    ),
    ("half a hash", POLICY_STEP, body(CONTENT_POLICY, HashOfHashes="AAAA"), "text/json", "bad_value"),
    ("too many URLs", POLICY_STEP, body(CONTENT_POLICY, ContentCdnUrls=["http://h/"] * 99), "text/json", "bad_value"),
    ("no array", service.parse_discovery, b"[{}]", "text/json", "incomplete"),
    (
        "ten thousand peers",
        joining.parse_join_answer,
        b'{"ExternalIpAddress":"192.0.2.1","Peers":[' + b"{}," * 9_999 + b"{}]}",
        "text/json",
        "too_many",
    ),
    (
        "a peer without an address",
        joining.parse_join_answer,
        body(JOIN_ANSWER, Peers=[{**PEER, "Address": ""}]),
        "text/json",
        "incomplete",
    ),
    (
        "a peer of no kind",
        joining.parse_join_answer,
        body(JOIN_ANSWER, Peers=[{**PEER, "Kind": "friend"}]),
        "text/json",
        "bad_value",
    ),
]


@pytest.mark.parametrize(("what", "parse", "data", "kind", "reason"), REASONS, ids=[row[0] for row in REASONS])
def test_every_fault_has_its_reason(what: str, parse: Parse, data: bytes, kind: str, reason: str) -> None:
    """What is wrong with an answer is one word of the closed list."""
    with pytest.raises(ServiceError) as caught:
        parse(data, kind)
    assert caught.value.reason == reason
    assert reason in service.REASONS


def test_a_join_has_the_names_and_the_texts_of_captures() -> None:
    """Every published field is there and every value is text."""
    sent = json.loads(joining.parse_join_request(body(JOIN)).encode())
    published = (
        "ContentId PeerId ReportedIp SubnetMask Ipv6 IsBackground ClientDialectVersionMajor ClientDialectVersionMinor "
        "ClientDialectVersionBuild ClientDialectVersionRevision Uploaded Downloaded DownloadedCdn DownloadedDoinc Left "
        "JoinRequestEvent RestrictedUpload PeersWanted GroupId Scope UploadedBPS DownloadedBPS Profile Seq"
    )
    assert set(sent) - set(published.split()) == {"Port", "RestrictPeerSelectionBy"}
    assert set(published.split()) <= set(sent)
    assert all(isinstance(value, str) for value in sent.values())
    assert {name: sent[name] for name in ("PeerId", "SubnetMask", "Scope")} == {
        name: JOIN[name] for name in ("PeerId", "SubnetMask", "Scope")
    }


def test_content_without_an_id_is_joined_by_its_url() -> None:
    """The URL goes where the id would, under the name it has there."""
    request = joining.JoinRequest(peer_id=bytes(20), mode=DownloadMode.LAN, url="http://content.example/f")
    sent = json.loads(request.encode())
    assert sent["AltCatalogId"] == "http://content.example/f"
    assert "ContentId" not in sent
    assert joining.parse_join_request(request.encode()) == request


def test_content_ids_are_put_into_uris_whole() -> None:
    """An id cannot lead to another path, and where there is none the place is not left empty."""
    template = "https://cp.example/content/{contentId}/contentpolicy"
    assert service.uri_of(template, "a/../b?c") == "https://cp.example/content/a%2F..%2Fb%3Fc/contentpolicy"
    assert service.uri_of(template, "") == "https://cp.example/content/-/contentpolicy"


def test_discovery_may_be_a_list_or_not() -> None:
    """Published text calls it a list; either form leads to the same array, with a slash at its end."""
    for data in (
        body(DISCOVERY),
        json.dumps([DISCOVERY]).encode(),
        body(DISCOVERY, CollectiveArray="https://array.example"),
    ):
        assert service.parse_discovery(data, "text/json").join_url == "https://array.example/join/"
