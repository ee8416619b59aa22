"""The client of the service: the chain and what is kept of it, each way it goes wrong, and keeping a place."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from doctl.coordination.client import (
    LONGEST_PAUSE,
    Membership,
    Service,
    pause_after_failure,
    pause_while_hungry,
    spread,
)
from doctl.errors import ServiceError
from doctl.net.fake import FakeNetwork
from doctl.net.system import SystemNetwork
from doctl.settings import DownloadMode
from doctl.wire.joining import JoinAnswer, JoinEvent, JoinRequest, parse_join_answer
from tests.servers.origin import Origin, with_headers

BASE = "https://c.test"
URL = "http://cdn.test/file.bin"
JSON = {"content-type": "text/json"}
EMPTY = {"Peers": [], "Interval": 900, "ExternalIpAddress": "203.0.113.1"}
GOOD: dict[str, Any] = {
    "/geo": {"ExternalIpAddress": "203.0.113.1", "KeyValue_EndpointFullUri": f"{BASE}/all", "CountryCode": "NZ"},
    "/all": {
        "ContentPolicy_EndpointFullUri": f"{BASE}/content/{{contentId}}/contentpolicy",
        "Discovery_EndpointFullUri": f"{BASE}/discovery/{{contentId}}",
    },
    "/content/-/contentpolicy": {"ContentId": "DO-x", "PiecesHashFileCdnUrls": [f"{BASE}/phf"]},
    "/discovery/DO-x": [{"CollectiveArray": f"{BASE}/array"}],
    "/array/join/": EMPTY,
    "/array/peers/": EMPTY,
}
REQUEST = JoinRequest(peer_id=bytes(20), mode=DownloadMode.LAN, content_id="DO-x")

Web = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Said:
    """An answer to be given, as often as it is asked for."""

    status: int
    body: bytes
    headers: dict[str, str]

    def response(self) -> httpx.Response:
        """Make it."""
        return httpx.Response(self.status, headers=self.headers, stream=httpx.ByteStream(self.body))


def said(status: int, body: object = "", **headers: str) -> Said:
    """Make an answer whose type is JSON unless ``headers`` say otherwise."""
    return Said(status, body if isinstance(body, bytes) else json.dumps(body).encode(), {**JSON, **headers})


def web(asked: list[httpx.Request], **changed: Said) -> Web:
    """Answer as a good service does, but for what is ``changed`` (by the last part of the path)."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        path = request.url.path
        other = changed.get(path.strip("/").rpartition("/")[2])
        return (other or said(200, GOOD[path])).response()

    return answer


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def with_service(answer: Web, use: Callable[[Service], Coroutine[Any, Any, None]], clock: Clock | None = None) -> None:
    """Run ``use`` with a service that ``answer`` plays."""

    async def run() -> None:
        async with FakeNetwork(web=answer).http(timeout=1) as client:
            await use(Service(client, f"{BASE}/", now=clock or Clock(), token="secret"))

    asyncio.run(run())


def test_the_chain_is_walked_once_while_its_answers_live() -> None:
    """All five steps are asked in order with what each needs; within their lifetime only the join is asked again."""
    asked: list[httpx.Request] = []
    clock = Clock()

    async def use(service: Service) -> None:
        assert (await service.content_policy(URL)).content_id == "DO-x"
        for _ in range(2):
            await service.join(REQUEST)
        clock.time = 3601
        await service.join(REQUEST)

    with_service(web(asked), use, clock)
    chain = ["/geo", "/all", "/content/-/contentpolicy", "/discovery/DO-x", "/array/join/"]
    assert [request.url.path for request in asked] == [*chain, "/array/join/", "/geo", "/all", *chain[3:]]
    assert asked[2].url.params["altCatalogId"] == URL
    assert asked[1].url.params["countryCode"] == "NZ"
    assert asked[4].headers["authorization"] == "Bearer secret"
    assert "authorization" not in asked[0].headers
    assert json.loads(asked[4].content)["ContentId"] == "DO-x"


def test_an_answer_may_say_how_long_it_lives() -> None:
    """max-age decides how long an answer is kept."""
    asked: list[httpx.Request] = []
    short = said(200, GOOD["/geo"], **{"cache-control": "private, max-age=5"})
    clock = Clock()

    async def use(service: Service) -> None:
        await service.geo()
        clock.time = 4.9
        await service.geo()
        clock.time = 5.1
        await service.geo()

    with_service(web(asked, geo=short), use, clock)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("where", "answer", "reason"),
    [
        ("geo", said(200, b"<html>log in", **{"content-type": "text/html"}), "captive_portal"),
        ("geo", said(302, location="http://login.test/"), "captive_portal"),
        ("geo", said(200, {**GOOD["/geo"], "ExternalIpAddress": "0.0.0.0"}), "no_address"),
        ("geo", said(200, b"{}", **{"content-type": "image/png"}), "wrong_type"),
        ("geo", said(200, b'{"ExternalIpAddress": "203.0'), "not_json"),
        ("geo", said(200, {"ExternalIpAddress": "203.0.113.1"}), "incomplete"),
        ("geo", said(200, b" " * 300_000), "too_large"),
        ("all", said(500), "failing"),
        ("geo", said(404), "failing"),
        ("join", said(401), "no_token"),
        ("join", said(403), "refused"),
        ("join", said(429), "too_many"),
        ("join", said(200, {**EMPTY, "Peers": [{}] * 10_000}), "too_many"),
        ("join", said(200, {**EMPTY, "Peers": [{}]}), "incomplete"),
        ("all", said(200, dict.fromkeys(GOOD["/all"], "http://x/{contentId}")), "downgraded"),
    ],
)
def test_each_way_to_go_wrong_has_its_reason(where: str, answer: Said, reason: str) -> None:
    """Portals, half answers, wrong types, refusals and floods are each a ServiceError of their own."""

    async def use(service: Service) -> None:
        with pytest.raises(ServiceError) as caught:
            await service.join(REQUEST)
        assert caught.value.reason == reason

    with_service(web([], **{where: answer}), use)


def test_another_server_is_not_taken_for_a_service_without_the_content() -> None:
    """404 to the first question says that there is no service, and nothing of what it knows."""

    async def use(service: Service) -> None:
        with pytest.raises(ServiceError, match=r"^https://c\.test: no coordination service is there$"):
            await service.content_policy(URL)

    with_service(web([], geo=said(404)), use)


@pytest.mark.parametrize("where", ["https://xn--a/all", "https://c.test:99999/all", "https://c.test/\u0000"])
def test_an_unusable_url_is_the_services_fault(where: str) -> None:
    """Where a service leads with a URL that is none is no wrong use of ours, and no crash."""

    async def use(service: Service) -> None:
        with pytest.raises(ServiceError):
            await service.join(REQUEST)

    with_service(web([], geo=said(200, {**GOOD["/geo"], "KeyValue_EndpointFullUri": where}), all=said(500)), use)


def test_what_is_not_http_is_the_services_fault() -> None:
    """A server that breaks HTTP is a ServiceError, so that a fetch goes on without it."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("illegal status line")

    async def use(service: Service) -> None:
        with pytest.raises(ServiceError) as caught:
            await service.geo()
        assert caught.value.reason == "not_http"

    with_service(broken, use)


def test_a_busy_service_says_for_how_long() -> None:
    """A 503 with Retry-After is told with its seconds."""

    async def use(service: Service) -> None:
        with pytest.raises(ServiceError) as caught:
            await service.join(REQUEST)
        assert (caught.value.reason, caught.value.wait) == ("busy", 5.0)

    with_service(web([], join=said(503, **{"retry-after": "5"})), use)


def test_after_a_failed_join_the_way_there_is_asked_anew() -> None:
    """An array that is gone may have moved: the next join begins with the first step."""
    asked: list[httpx.Request] = []

    async def use(service: Service) -> None:
        for _ in range(2):
            with pytest.raises(ServiceError):
                await service.join(REQUEST)

    with_service(web(asked, join=said(500)), use)
    assert [request.url.path for request in asked].count("/geo") == 2


def test_a_place_is_kept_and_left() -> None:
    """The first join says so, a failure is told and tried again, a hungry machine joins soon, the last says goodbye."""
    events: list[object] = []
    answer = parse_join_answer(json.dumps(EMPTY).encode(), "text/json")

    async def join(event: JoinEvent) -> JoinAnswer:
        events.append(event)
        if len(events) == 1:
            raise ServiceError("busy", wait=0.0)
        return answer

    async def run() -> None:
        clock = asyncio.get_running_loop().time
        enough = asyncio.Event()
        failures: list[object] = []

        def heard(_answer: JoinAnswer) -> None:
            if len(events) == 3:
                enough.set()

        membership = Membership(
            join, heard=heard, failed=failures.append, hungry=lambda: True, now=clock, chance=lambda: 0.0
        )
        task = asyncio.create_task(membership.run())
        async with asyncio.timeout(30):
            await enough.wait()
        task.cancel()
        await membership.leave()
        await membership.leave()
        assert len(failures) == 1

    asyncio.run(run())
    assert events == [JoinEvent.FIRST, JoinEvent.FIRST, JoinEvent.AGAIN, JoinEvent.LAST]


def test_pauses_double_spread_and_end() -> None:
    """Back-off doubles up to a limit, spread over its upper half; what the service asks for comes on top."""
    assert [pause_after_failure(n, None, 1.0) for n in (1, 2, 3)] == [1, 2, 4]
    assert pause_after_failure(2, None, 0.0) == 1
    assert pause_after_failure(10**6, None, 1.0) == LONGEST_PAUSE
    assert pause_after_failure(1, 60.0, 1.0) == 61
    assert [pause_while_hungry(n, 900, 1.0) for n in (1, 2, 3, 99)] == [2, 4, 8, 900]
    assert (spread(900, 0.0), spread(900, 1.0)) == (900, 810)


def test_a_service_cannot_have_us_join_without_end() -> None:
    """An interval of a second, after each of which strangers would be called, is read as a minute."""
    assert (spread(1, 0.0), pause_while_hungry(1, 1, 1.0), pause_while_hungry(99, 1, 1.0)) == (60, 2, 60)


def test_a_name_is_not_a_way_round_the_refused_addresses() -> None:
    """Where the service leads to a name that turns out to be this machine, nothing is sent there."""
    with Origin(b"") as here:
        leading = {**GOOD["/geo"], "KeyValue_EndpointFullUri": f"http://2130706433:{here.port}/all"}
        with Origin(json.dumps(leading).encode(), with_headers(content_type="text/json")) as coordinator:

            async def ask() -> None:
                async with SystemNetwork().http(direct=True, timeout=20.0) as client:
                    base = f"http://127.1:{coordinator.port}"  # a name that the user wrote, whatever it stands for
                    await Service(client, base, now=SystemNetwork().now).swarm("DO-x", "")

            with pytest.raises(ServiceError, match=r"leads to 2130706433, which is 127\.0\.0\.1; refused") as caught:
                asyncio.run(ask())
        assert caught.value.reason == "bad_place"
        assert (len(coordinator.requests), here.requests) == (1, [])
