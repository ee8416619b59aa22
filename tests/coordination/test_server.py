"""The coordination service as its clients see it, from whatever address they come."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from doctl.coordination.catalogue import Catalogue, Offer, parse_offer
from doctl.coordination.limits import MOST_SAID, JoinLimit, SaidOnce
from doctl.coordination.server import Coordinator
from doctl.coordination.store_memory import MemoryStore
from doctl.coordination.store_redis import RedisStore
from doctl.coordination.tokens import Tokens, parse_tokens
from doctl.errors import UsageError
from doctl.net.fake import FakeNetwork
from doctl.settings import DownloadMode
from doctl.wire import hash_file, service
from doctl.wire.joining import (
    MOST_REQUEST,
    JoinAnswer,
    JoinEvent,
    PeerKind,
    parse_join_answer,
)
from tests.coordination.members import GROUP, request

BASE = "http://do.example"
JOIN_TOKEN, PUBLISH_TOKEN = "j" * 32, "p" * 32
HASHES = hash_file.to_json(hash_file.HashFile.of(3000, 1024, (b"1" * 32, b"2" * 32, b"3" * 32)))


class Service:
    """A coordinator in this process, the lines it has said, and requests to it from any address."""

    def __init__(self, tokens: Tokens | None = None, joins: int = 100) -> None:
        self.network = FakeNetwork()
        self.said: list[str] = []
        self.store = MemoryStore(self.network.now, 1800)
        limit = JoinLimit(self.network.now, joins)
        self._app = Coordinator(self.network, self.store, tokens=tokens, say=self.said.append, limit=limit).app()

    async def send(self, method: str, path: str, seen: str = "203.0.113.1", **more: Any) -> httpx.Response:
        """Send one request."""
        transport = httpx.ASGITransport(self._app, client=(seen, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, **more)

    async def join(self, seen: str, number: int, *arguments: Any, **more: Any) -> JoinAnswer:
        """Join and return the answer."""
        response = await self.send("POST", "/array/join/", seen, content=request(number, *arguments, **more).encode())
        assert response.status_code == 200, response.text
        return parse_join_answer(response.content, response.headers["content-type"])


def run(use: Callable[[Service], Awaitable[None]], **options: Any) -> Service:
    """Use a service and return it."""

    async def whole() -> Service:
        made = Service(**options)
        await use(made)
        return made

    return asyncio.run(whole())


def test_the_chain() -> None:
    """From the base URL alone a client finds its way to the array, by the names of real answers."""

    async def use(s: Service) -> None:
        answer = await s.send("GET", "/geo", params=service.geo_query("1.0"))
        geo = service.parse_geo(answer.content, answer.headers["content-type"])
        assert str(geo.external_address) == "203.0.113.1"
        answer = await s.send("GET", geo.key_value_uri, params=service.key_value_query(geo, "1.0"))
        values = service.parse_key_values(answer.content, answer.headers["content-type"])
        assert values.content_policy_uri == f"{BASE}/content/{{contentId}}/contentpolicy"
        where = service.uri_of(values.discovery_uri, "DO-x")
        answer = await s.send("GET", where, params=service.discovery_query(geo, "http://c.example/f"))
        found = service.parse_discovery(answer.content, answer.headers["content-type"])
        assert found.join_url == f"{BASE}/array/join/"

    run(use)


def test_modes_across_two_sites() -> None:
    """Behind two public addresses LAN peers find their own side, a group and the Internet both, each by its kind."""

    async def use(s: Service) -> None:
        here, there = "203.0.113.1", "198.51.100.1"
        for mode, kind in (
            (DownloadMode.LAN, None),
            (DownloadMode.GROUP, "group"),
            (DownloadMode.INTERNET, "internet"),
        ):
            more = {"group_id": GROUP} if mode is DownloadMode.GROUP else {}
            await s.join(here, 10 * mode + 1, mode, "10.0.0.1", **more)
            await s.join(there, 10 * mode + 2, mode, "10.0.0.2", **more)
            answer = await s.join(here, 10 * mode + 3, mode, "10.0.0.3", **more)
            found = [(str(peer.address), str(peer.private_address), peer.kind) for peer in answer.peers]
            assert found[0] == (here, "10.0.0.1", PeerKind.LAN)
            assert [other[2] for other in found if other[0] == there] == ([kind] if kind else [])

    run(use)


def test_saying_goodbye() -> None:
    """The last join takes a client out, and gives it no peers."""

    async def use(s: Service) -> None:
        await s.join("10.0.0.1", 1)
        assert (await s.join("10.0.0.1", 1, event=JoinEvent.LAST)).peers == ()
        assert (await s.join("10.0.0.2", 2)).peers == ()

    run(use)


@pytest.mark.parametrize("mode", [DownloadMode.HTTP_ONLY, DownloadMode.SIMPLE, DownloadMode.BYPASS])
def test_modes_without_peers_are_not_remembered(mode: DownloadMode) -> None:
    """Who takes no peers is none."""

    async def use(s: Service) -> None:
        await s.join("10.0.0.1", 1, mode)
        assert (await s.store.counts()).members == 0

    run(use)


def test_listing_a_swarm() -> None:
    """The list has everybody, whatever the mode, and joins nobody."""

    async def use(s: Service) -> None:
        await s.join("10.0.0.1", 1)
        await s.join("198.51.100.1", 2, DownloadMode.GROUP, group_id=GROUP)
        response = await s.send("GET", "/array/peers/", params=service.swarm_query("content", ""))
        answer = parse_join_answer(response.content, response.headers["content-type"])
        assert {str(peer.address) for peer in answer.peers} == {"10.0.0.1", "198.51.100.1"}
        assert (await s.store.counts()).members == 2
        assert (await s.send("GET", "/array/peers/")).status_code == 400

    run(use)


def test_swarms_by_url() -> None:
    """Where there is no content id the URL names the swarm, and is not mistaken for an id."""

    async def use(s: Service) -> None:
        url = "http://content.example/file"
        for number, names in enumerate(({"AltCatalogId": url}, {"AltCatalogId": url}, {"ContentId": url}), 1):
            body = {**json.loads(request(number).encode()), "ContentId": "", **names}
            response = await s.send("POST", "/array/join/", f"10.0.0.{number}", json=body)
            assert len(response.json()["Peers"]) == (number == 2)

    run(use)


HOSTILE: list[tuple[str, Any, str]] = [
    ("no JSON", b"<html>", "not JSON"),
    ("half", b'{"ContentId":"x"', "not JSON"),
    ("deep", b"[" * 10_000, "not JSON"),
    ("a list of nothing", b"[]", "no JSON object"),
    ("no content", {"ContentId": None}, "ContentId"),
    ("a huge content id", {"ContentId": "x" * 1000}, "ContentId"),
    ("control characters", {"ContentId": "a\x1b[2J"}, "ContentId"),
    ("a short peer id", {"PeerId": "00"}, "PeerId"),
    ("another's address", {"ReportedIp": "198.51.100.7"}, "ReportedIp"),
    ("a metadata service", {"ReportedIp": "169.254.169.254"}, "ReportedIp"),
    ("loopback", {"ReportedIp": "127.0.0.1"}, "ReportedIp"),
    ("a mask with holes", {"ReportedIp": "10.0.0.1", "SubnetMask": "255.0.255.0"}, "SubnetMask"),
    ("no port", {"Port": "0"}, "Port"),
    ("a number of thousands of digits", {"Left": "9" * 5000}, "Left"),
    ("a mode that is none", {"Scope": "7"}, "Scope"),
    ("a group that is no GUID", {"GroupId": "staff"}, "GroupId"),
]


@pytest.mark.parametrize(("what", "body", "names"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_hostile_joins(what: str, body: Any, names: str) -> None:
    """What a join may not say is refused with the field's name, said once, counted, and leaves nothing behind."""

    async def use(s: Service) -> None:
        data = json.dumps({**json.loads(request(1).encode()), **body}) if isinstance(body, dict) else body
        for _ in range(3):
            response = await s.send("POST", "/array/join/", content=data)
            assert response.status_code == 400
            assert names in response.text
        assert (await s.store.counts()).members == 0
        assert 'refused_total{reason="bad_request"} 3.0' in (await s.send("GET", "/metrics")).text

    assert len(run(use).said) == 1


def test_bodies_are_bounded() -> None:
    """More than a join may have is not read."""

    async def use(s: Service) -> None:
        response = await s.send("POST", "/array/join/", content=b" " * (MOST_REQUEST + 1))
        assert response.status_code == 413

    run(use)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_addresses_in_headers_are_not_believed(header: str) -> None:
    """A request that names another address than its connection's is refused."""

    async def use(s: Service) -> None:
        for method, path in (("GET", "/geo"), ("POST", "/array/join/")):
            response = await s.send(method, path, headers={header: "198.51.100.7"}, content=request(1).encode())
            assert response.status_code == 400
            assert "proxy" in response.text

    run(use)


def test_floods() -> None:
    """An address has its joins a minute and no more; others have theirs, and a minute later it has them again."""

    async def use(s: Service) -> None:
        codes = [
            (await s.send("POST", "/array/join/", f"2001:db8::{n}", content=request(n).encode())).status_code
            for n in range(1, 9)
        ]
        assert codes == [200] * 5 + [429] * 3
        await s.join("2001:db8:0:1::1", 1)
        s.network.time += 60
        await s.join("2001:db8::1", 1)

    assert len(run(use, joins=5).said) == 1


def test_only_so_much_is_said() -> None:
    """The log of what was refused ends somewhere, however many clients there are."""
    said: list[str] = []
    once = SaidOnce(said.append)
    for number in range(MOST_SAID + 100):
        once(f"owner {number}", "reason", "line")
        once(f"owner {number}", "reason", "line")
    assert len(said) == MOST_SAID


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def test_tokens() -> None:
    """Joining and listing need one of the tokens, publishing one that may; the steps before need none."""
    tokens = parse_tokens(f"# fleet\n{JOIN_TOKEN}\npublish {PUBLISH_TOKEN}\n", "tokens")

    async def use(s: Service) -> None:
        for headers, code in (
            (bearer("wrong"), 401),
            ({}, 401),
            (bearer(JOIN_TOKEN), 200),
            (bearer(PUBLISH_TOKEN), 200),
        ):
            join = await s.send("POST", "/array/join/", content=request(1).encode(), headers=headers)
            listed = await s.send("GET", "/array/peers/", params={"ContentId": "x"}, headers=headers)
            assert (join.status_code, listed.status_code) == (code, code)
        where = {"altCatalogId": "http://content.example/f"}
        for headers, code in (({}, 403), (bearer(JOIN_TOKEN), 403), (bearer(PUBLISH_TOKEN), 201)):
            published = await s.send("PUT", "/publish", params=where, headers=headers, content=HASHES)
            assert published.status_code == code
        assert (await s.send("GET", "/geo")).status_code == 200

    run(use, tokens=tokens)


def test_publishing_over_the_network() -> None:
    """A hash file is checked before it is believed, and then gives the content policy and is given itself."""

    async def use(s: Service) -> None:
        url, headers = "http://content.example/f?a=b", bearer(PUBLISH_TOKEN)
        for bad, where in (
            (HASHES.replace(b"3000", b"3001"), url),
            (b"{}", url),
            (HASHES, "file:///etc/passwd"),
            (HASHES, ""),
        ):
            response = await s.send("PUT", "/publish", params={"altCatalogId": where}, headers=headers, content=bad)
            assert response.status_code == 400
        response = await s.send("PUT", "/publish", params={"altCatalogId": url}, headers=headers, content=HASHES)
        policy = service.parse_content_policy(response.content, response.headers["content-type"])
        assert policy.hash_of_hashes == hash_file.parse(HASHES).hash_of_hashes
        assert policy.content_urls == (url,)
        again = await s.send("GET", f"/content/{service.NO_CONTENT_ID}/contentpolicy", params={"altCatalogId": url})
        assert again.json() == response.json()
        got = await s.send("GET", policy.hash_file_urls[0])
        assert (got.content, got.headers["content-length"]) == (HASHES, str(len(HASHES)))
        assert (await s.send("GET", "/content/other/pieceshash")).status_code == 404
        assert (await s.send("GET", "/content/other/contentpolicy")).status_code == 404
        assert (await s.send("GET", f"/content/{'x' * 500}/contentpolicy")).status_code == 400

    run(use, tokens=Tokens((), (PUBLISH_TOKEN,)))


def test_without_a_token_file_nobody_publishes() -> None:
    """Where there are no tokens, joining is free and publishing over the network is not to be had."""

    async def use(s: Service) -> None:
        response = await s.send("PUT", "/publish", params={"altCatalogId": "http://c.example/"}, content=HASHES)
        assert response.status_code == 403

    run(use)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# none yet",
        "short",
        "publish short",
        f"join {JOIN_TOKEN}",
        "a b c",
        "ä" * 20,
        "x" * 300,
        "t" * 16 + "\n" + "no",
    ],
)
def test_token_files_are_read_strictly(text: str) -> None:
    """A line that is no token is wrong use, not a token that nobody meant."""
    with pytest.raises(UsageError, match=r"^tokens: "):
        parse_tokens(text, "tokens")


def test_health_and_metrics() -> None:
    """Health has how much is remembered, metrics what was done, in Prometheus' format."""

    async def use(s: Service) -> None:
        await s.join("10.0.0.1", 1)
        await s.join("10.0.0.2", 2)
        health = await s.send("GET", "/health")
        assert health.json() == {"status": "pass", "members": 2, "publications": 0}
        assert health.headers["cache-control"] == "no-store"
        text = (await s.send("GET", "/metrics")).text
        for line in ("joins_total 2.0", "peers_given_total 1.0", "members 2.0", "store_up 1.0"):
            assert f"doctl_coordinator_{line}" in text

    run(use)


def test_a_store_that_is_away() -> None:
    """Everything that needs the store is 503 with a time to ask again, said once; the rest goes on."""

    async def use() -> None:
        said: list[str] = []
        store = RedisStore("unix:///nowhere/redis.socket", 60)
        network = FakeNetwork()
        app = Coordinator(network, store, say=said.append).app()
        transport = httpx.ASGITransport(app, client=("203.0.113.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            for _ in range(2):
                join = await client.post("/array/join/", content=request(1).encode())
                assert (join.status_code, join.headers["retry-after"]) == (503, "5")
                assert "Redis does not answer" in join.text
            assert (await client.get("/health")).status_code == 503
            assert "store_up 0.0" in (await client.get("/metrics")).text
            assert (await client.get("/geo")).status_code == 200
        await store.close()
        assert len(said) == 1

    asyncio.run(use())


def test_publishing_a_folder(tmp_path: Path) -> None:
    """Each file of a folder is hashed once for each size and time of change, and found by its URL."""
    content, kept = tmp_path / "content", tmp_path / "kept"
    (content / "sub").mkdir(parents=True)
    (content / "one").write_bytes(b"1" * 5000)
    (content / "sub" / "two words").write_bytes(b"2" * 5000)

    async def use() -> None:
        store, offers = MemoryStore(lambda: 0.0, 60), [Offer(content, "http://c.example/files/")]
        first_run = Catalogue(offers, kept, print)
        assert await first_run.publish(store) == 2
        first = await store.published("", "http://c.example/files/one")
        assert first is not None
        assert first_run.published(first.content_id, "") == first_run.published("", first.url) == first
        assert first_run.hash_file(first.content_id) == await store.hash_file(first.content_id)
        assert await store.published("", "http://c.example/files/sub/two%20words")
        stamps = sorted(each.stat().st_mtime_ns for each in kept.iterdir())
        restarted = Catalogue(offers, kept, print)
        await restarted.publish(MemoryStore(lambda: 0.0, 60))
        assert sorted(each.stat().st_mtime_ns for each in kept.iterdir()) == stamps
        (content / "one").write_bytes(b"other")
        await restarted.publish_again(store)
        changed = await store.published("", "http://c.example/files/one")
        assert changed is not None
        assert changed.content_id != first.content_id

    asyncio.run(use())


def test_a_published_file_that_goes_away(tmp_path: Path) -> None:
    """What cannot be published at the start ends the command; later it is said, once."""
    file, said = tmp_path / "file", list[str]()
    catalogue = Catalogue([Offer(file, "http://c.example/f")], tmp_path / "kept", said.append)
    store = MemoryStore(lambda: 0.0, 60)
    with pytest.raises(UsageError, match="no such file"):
        asyncio.run(catalogue.publish(store))
    for _ in range(3):
        asyncio.run(catalogue.publish_again(store))
    assert len(said) == 1


@pytest.mark.parametrize("text", ["", "file", "file=", "=http://c.example/", "file=ftp://c.example/", "file=http://"])
def test_wrong_offers(text: str) -> None:
    """What is not FILE=URL is wrong use."""
    with pytest.raises(UsageError):
        parse_offer(text)


def test_offers_with_equals_signs() -> None:
    """A file's name and a URL's query may have equals signs of their own."""
    assert parse_offer("a=b=http://c.example/?x=y") == Offer(Path("a=b"), "http://c.example/?x=y")
