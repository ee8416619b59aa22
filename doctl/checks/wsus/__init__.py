"""Whether a WSUS server gives Delivery Optimization payloads, and whether the cloud service coordinates peers."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from doctl.checks.wsus import conclusion, verdict
from doctl.checks.wsus.asking import Seen, address_of, check_file, look
from doctl.checks.wsus.policy import KEY, Configured, Policy, configured
from doctl.checks.wsus.service import HOST, Walk, walk
from doctl.checks.wsus.verdict import Reason, Verdict
from doctl.errors import UsageError
from doctl.net.probe import reach
from doctl.printable import printable
from doctl.report import Finding, Found, Status
from doctl.wire.urls import shown
from doctl.wire.wsus import Place, parse_place

if TYPE_CHECKING:
    from doctl.net.base import Network

AREA: Final = "wsus"
POLICY: Final = f"HKLM\\{KEY}"
PAGE: Final = "https://learn.microsoft.com/windows/deployment/update/waas-wu-settings"
SET_ALTERNATE: Final = "Set the policy's alternate download server to http://HOST:8530, or leave it empty"
WORKFLOW: Final = "https://learn.microsoft.com/windows/deployment/do/delivery-optimization-workflow"


@dataclass(frozen=True, slots=True)
class Options:
    """Which server to check; None for the one that Windows' policy names. ``timeout`` is in seconds, for all of it."""

    place: Place | None = None
    timeout: float = 5.0


async def run(network: "Network", options: Options, found: Found) -> None:
    """Find out which server it is, and look at it and at the coordination service at once."""
    chosen = Configured(Policy(), options.place) if options.place else await configured(network)
    if chosen.remark is not None:
        where = POLICY if network.platform == "win32" else ""
        found(_finding("wsus.server", where, chosen.remark, chosen.policy.facts))
    if chosen.place is None:
        return
    start = network.now()
    async with asyncio.TaskGroup() as group:
        service = group.create_task(walk(network, options.timeout))
        seen = group.create_task(look(network, chosen.place, options.timeout))
        if chosen.policy.alternate:
            group.create_task(_alternate(network, chosen.policy.alternate, options.timeout, found))
    for finding in findings(seen.result(), service.result(), network.platform):
        found(replace(finding, duration_s=round(network.now() - start, 3)))


def findings(seen: Seen, service: Walk, platform: str) -> Iterator[Finding]:
    """Judge what was seen: the server, its content, ranges, the service, and what they come to together."""
    place = seen.place
    server, content = verdict.of_server(seen), verdict.of_content(seen)
    ranges, coordination = verdict.of_ranges(seen, content), conclusion.of_service(service, platform)
    yield _finding("wsus.server", place.url, server, {"status_code": seen.config.status})
    facts = {"metadata_url": place.url, "content_url": place.content, "status_code": seen.check_file.status}
    yield _finding("wsus.content", place.content, content, facts)
    yield _finding("wsus.ranges", seen.range_file, ranges, verdict.range_facts(seen.ranges))
    yield _finding("wsus.service", HOST, coordination, conclusion.service_facts(service), WORKFLOW)
    yield _finding(
        "wsus.conclusion", "", conclusion.concluded(server, content, ranges, coordination), {"url": place.url}
    )


def _finding(id: str, target: str, judged: Verdict, facts: Mapping[str, object], reference: str = PAGE) -> Finding:
    return Finding(
        id=id,
        area=AREA,
        target=target if target == POLICY else printable(shown(target), 300),
        status=judged.status,
        reason=judged.reason,
        summary=judged.summary,
        facts={**facts, **judged.facts},
        remedy=judged.remedy,
        reference=reference,
    )


async def _alternate(network: "Network", url: str, timeout: float, found: Found) -> None:
    """Look at the server that UpdateServiceUrlAlternate names as another one for content; it is never needed."""
    try:
        place = parse_place(url)
    except UsageError as error:
        wrong = Verdict(
            Status.WARN,
            Reason.NOT_CONFIGURED,
            f"UpdateServiceUrlAlternate is no URL of a server: {error}",
            SET_ALTERNATE,
        )
        found(_finding("wsus.content", url, wrong, {"alternate": True}))
        return
    start = network.now()
    port, reply = await asyncio.gather(
        reach(network, address_of(place.url), timeout), check_file(network, place.url, timeout)
    )
    judged = verdict.of_check_file(reply, port)
    if judged.status is Status.FAIL:
        judged = replace(judged, status=Status.WARN, summary=f"The alternate server for content: {judged.summary}")
    facts = {"alternate": True, "status_code": reply.status}
    finding = _finding("wsus.content", place.url, judged, facts)
    found(replace(finding, duration_s=round(network.now() - start, 3)))
