"""What is thrown at the parsers of the coordination service: answers and joins with fields exchanged, and noise."""

import json
from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from doctl.wire import joining, service
from tests.fuzz.target import Target

Values = dict[str, Any]

GEO: Final[Values] = {
    "ExternalIpAddress": "203.0.113.7",
    "CountryCode": "DE",
    "KeyValue_EndpointFullUri": "https://kv.example/all",
    "Version": "1.0",
    "CacheHostFlag": 1,
    "CacheId": "",
}
KEY_VALUES: Final[Values] = {
    "ContentPolicy_EndpointFullUri": "https://cp.example/content/{contentId}/contentpolicy",
    "Discovery_EndpointFullUri": "https://disc.example/content/{contentId}",
}
CONTENT_POLICY: Final[Values] = {
    "ContentId": "DO-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA",
    "HashOfHashes": "bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA=",
    "PiecesHashFileCdnUrls": ["http://content.example/file.phf"],
    "ContentCdnUrls": ["http://content.example/file"],
    "IsSecure": False,
    "Policies": {"ForegroundQosBps": 0, "MaxCacheAgeSecs": "259200", "ExpireAtSecsSinceEpoch": 1_800_000_000},
    "Rank": 1,
}
DISCOVERY: Final[Values] = {"CollectiveArray": "https://array.example/"}
JOIN: Final[Values] = {
    "ContentId": "DO-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA",
    "PeerId": "00112233445566778899aabbccddeeff00000000",
    "ReportedIp": "192.168.7.20",
    "SubnetMask": "255.255.255.0",
    "IsBackground": "0",
    "Left": "1048576",
    "JoinRequestEvent": "1",
    "PeersWanted": "50",
    "GroupId": "{6F9619FF-8B86-D011-B42D-00C04FC964FF}",
    "Scope": "2",
}
PEER: Final[Values] = {
    "Address": "203.0.113.9",
    "Port": 7680,
    "PeerId": "00112233445566778899aabbccddeeff00000000",
    "PrivateAddress": None,
    "Kind": "lan",
}
JOIN_ANSWER: Final[Values] = {"Peers": [PEER], "Interval": 900, "ExternalIpAddress": "203.0.113.7"}

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=300)
    | st.sampled_from(["0.0.0.0", "::", "fe80::1%eth0", "-1", "255.0.255.0", "x" * 9000, "http://", 10**4000])
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)
_TYPES = st.sampled_from(["text/json", "application/json; charset=utf-8", "text/html", "", "text/plain"])


def _changed(example: Values) -> st.SearchStrategy[Values]:
    """Return the example with some values exchanged and some left out."""
    names = st.sampled_from(sorted(example))
    return st.builds(
        lambda changes, without: {k: v for k, v in {**example, **changes}.items() if k not in without},
        st.dictionaries(names, _VALUES | st.lists(st.just(PEER), max_size=300), max_size=2),
        st.sets(names, max_size=1),
    )


def _bodies(example: Values) -> st.SearchStrategy[bytes]:
    whole = _changed(example).map(lambda values: json.dumps(values).encode())
    cut = st.builds(lambda body, count: body[:count], whole, st.integers(0, 400))
    return st.one_of(whole, cut, st.binary(), _VALUES.map(lambda value: json.dumps(value).encode()))


def _answer(parse: Callable[[bytes, str], Any], example: Values) -> Target:
    """Whatever is accepted and can be written reads the same again."""
    return Target(
        lambda given: parse(*given),
        st.tuples(_bodies(example), _TYPES),
        lambda read: parse(read.encode(), service.JSON_TYPE) == read,
    )


def _queries(*names: str) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(names), st.text() | st.just("x" * 9000), max_size=3)


SERVICE_TARGETS: Final[dict[str, Target]] = {
    "doctl.wire.service.parse_geo": _answer(service.parse_geo, GEO),
    "doctl.wire.service.parse_key_values": _answer(service.parse_key_values, KEY_VALUES),
    "doctl.wire.service.parse_content_policy": _answer(service.parse_content_policy, CONTENT_POLICY),
    "doctl.wire.service.parse_discovery": _answer(service.parse_discovery, DISCOVERY),
    "doctl.wire.joining.parse_join_answer": _answer(joining.parse_join_answer, JOIN_ANSWER),
    "doctl.wire.joining.parse_join_request": Target(
        joining.parse_join_request,
        _bodies(JOIN),
        lambda join: joining.parse_join_request(join.encode()) == join,
    ),
    "doctl.wire.joining.parse_swarm_query": Target(
        joining.parse_swarm_query, _queries("ContentId", "AltCatalogId"), any
    ),
    "doctl.wire.service.parse_content_query": Target(
        service.parse_content_query, _queries("altCatalogId"), lambda url: len(url) <= 8000
    ),
}
