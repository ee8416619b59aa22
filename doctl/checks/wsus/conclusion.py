"""The verdict on the coordination service, and in one sentence what it all comes to; pure."""

from typing import Final

from doctl.checks.wsus.service import HOST, Walk
from doctl.checks.wsus.verdict import Reason, Verdict
from doctl.errors import TlsError
from doctl.printable import printable
from doctl.report import WORST_FIRST, Status
from doctl.wire.urls import shown


def of_service(walk: Walk, platform: str) -> Verdict:
    """Judge how far the chain went; without it downloads work, and peers do not."""
    if walk.key_values is not None and walk.geo is not None:
        summary = f"The coordination service answers; it sees this machine as {walk.geo.external_address}."
        return Verdict(Status.PASS, Reason.OK, summary)
    if isinstance(walk.error, TlsError) and walk.certificate is not None:
        return _of_certificate(walk, platform)
    step = "the location of this machine" if walk.geo is None else "where the next steps are"
    summary = f"The coordination service does not tell {step}: {printable(str(walk.error), 200)}."
    return Verdict(Status.FAIL, Reason.SERVICE_UNREACHABLE, summary, OPEN)


OPEN: Final = f"Allow https to {HOST} and *.prod.do.dsp.mp.microsoft.com, without inspection; doctl hosts tells more"


def _of_certificate(walk: Walk, platform: str) -> Verdict:
    """Judge a certificate that this system does not trust; outside Windows that is so of Microsoft's own root."""
    issuer = walk.certificate.issuer if walk.certificate else ""
    if walk.certificate is not None and walk.certificate.public and platform != "win32":
        summary = f"The coordination service is there, by its certificate ({issuer}), which this system does not know."
        return Verdict(Status.PASS, Reason.OK, summary)
    summary = (
        f"Something in between opens TLS to the coordination service: its certificate is from {issuer or 'nobody'}."
    )
    return Verdict(Status.FAIL, Reason.SERVICE_UNREACHABLE, summary, OPEN)


def service_facts(walk: Walk) -> dict[str, object]:
    """Return what the service said as JSON values."""
    geo = walk.geo
    return {
        "step": "done" if walk.key_values else "geo" if geo is None else "key_value",
        "url": shown(walk.url),
        "proxy": printable(walk.proxy, 200),
        "external_address": str(geo.external_address) if geo else None,
        "country": printable(geo.country, 20) if geo else None,
        "fault": printable(str(getattr(walk.error, "reason", "")), 40) or None,
        "issuer": walk.certificate.issuer if walk.certificate else None,
    }


def concluded(server: Verdict, content: Verdict, ranges: Verdict, service: Verdict) -> Verdict:
    """Say in one sentence what works together: payloads from WSUS, peers coordinated by the cloud service."""
    worst = min((server, content, ranges, service), key=lambda verdict: WORST_FIRST.index(verdict.status))
    missing = _missing(server, content, ranges)
    if service.status is not Status.FAIL:
        peers = (
            "peers would be coordinated by the cloud service" if missing else "peers coordinated by the cloud service"
        )
    else:
        peers = "no peers, since the cloud service that coordinates them cannot be reached"
    return Verdict(worst.status, worst.reason, f"{missing or 'Payloads from WSUS'}, {peers}.")


def _missing(server: Verdict, content: Verdict, ranges: Verdict) -> str:
    """Say what stands in the way of payloads, nothing where nothing does."""
    if content.status is not Status.PASS:
        return f"No payloads from WSUS ({content.reason})"
    if server.status is Status.FAIL:
        return f"Files from there, but no WSUS ({server.reason})"
    if ranges.status is Status.FAIL:
        return "Payloads from WSUS only in one piece, where Delivery Optimization needs ranges"
    return ""
