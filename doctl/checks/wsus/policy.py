"""What Windows' policies say about WSUS on this machine, and whether it counts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from doctl.checks.wsus.verdict import Reason, Verdict
from doctl.errors import LocalError, UsageError
from doctl.printable import printable
from doctl.report import Status
from doctl.wire.wsus import Place, parse_place

if TYPE_CHECKING:
    from doctl.net.base import Network

KEY: Final = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate"
SWITCH_KEY: Final = rf"{KEY}\AU"
NAMES: Final = ("WUServer", "WUStatusServer", "UpdateServiceUrlAlternate")
SWITCH: Final = "UseWUServer"


@dataclass(frozen=True, slots=True)
class Policy:
    """The values as they are written, empty where they are not set. ``used`` is whether UseWUServer is 1."""

    server: str = ""
    status_server: str = ""
    alternate: str = ""
    used: bool = False

    @property
    def facts(self) -> dict[str, object]:
        """The values by their names in the registry, made safe to show."""
        texts = (self.server, self.status_server, self.alternate)
        return {
            **{name: printable(text, 300) for name, text in zip(NAMES, texts, strict=True)},
            SWITCH: int(self.used),
        }


@dataclass(frozen=True, slots=True)
class Configured:
    """The server that is to be checked, None where none counts, and what is to be said of the policy itself, if any."""

    policy: Policy
    place: Place | None
    remark: Verdict | None = None


async def configured(network: "Network") -> Configured:
    """Read the policy of this machine and judge it."""
    if network.platform != "win32":
        return Configured(Policy(), None, NO_POLICY)
    try:
        return judged(await _read(network))
    except LocalError as error:
        summary = f"The policy cannot be read: {printable(str(error), 200)}."
        return Configured(Policy(), None, Verdict(Status.UNKNOWN, Reason.NOT_TESTABLE, summary, BY_HAND))


async def _read(network: "Network") -> Policy:
    values = await network.registry(KEY, NAMES)
    switch = await network.registry(SWITCH_KEY, (SWITCH,))
    server, status_server, alternate = (_text(values.get(name)) for name in NAMES)
    return Policy(server, status_server, alternate, switch.get(SWITCH) == 1)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def judged(policy: Policy) -> Configured:
    """Say which server counts: WUServer, if UseWUServer is 1 and WUStatusServer is the same."""
    if not policy.server:
        return Configured(policy, None, NO_SERVER)
    if not policy.used:
        return Configured(policy, None, NOT_USED)
    try:
        place = parse_place(policy.server)
    except UsageError as error:
        wrong = Verdict(Status.FAIL, Reason.NOT_CONFIGURED, f"WUServer is no URL of a server: {error}", EXAMPLE)
        return Configured(policy, None, wrong)
    if policy.status_server.rstrip("/").lower() != policy.server.rstrip("/").lower():
        return Configured(policy, place, OTHER_STATUS_SERVER)
    return Configured(policy, place)


BY_HAND: Final = "Name the server: doctl wsus http://HOST:8530"
EXAMPLE: Final = "Set the policy 'Specify intranet Microsoft update service location' to http://HOST:8530"
NO_POLICY: Final = Verdict(
    Status.SKIP,
    Reason.NOT_CONFIGURED,
    "No server was named, and this system has no policy that names one, as Windows has.",
    "doctl wsus http://HOST:8530",
)
NO_SERVER: Final = Verdict(
    Status.SKIP,
    Reason.NOT_CONFIGURED,
    "No WSUS server is set by policy: updates come from Microsoft.",
    NO_POLICY.remedy,
)
NOT_USED: Final = Verdict(
    Status.WARN,
    Reason.NOT_CONFIGURED,
    "WUServer is set but does not count, since UseWUServer is not 1: updates come from Microsoft.",
    f'reg add "HKLM\\{SWITCH_KEY}" /v {SWITCH} /t REG_DWORD /d 1 /f; to check that server all the same: doctl wsus URL',
)
OTHER_STATUS_SERVER: Final = Verdict(
    Status.WARN,
    Reason.NOT_CONFIGURED,
    "WUStatusServer is not the same as WUServer, which Microsoft's documentation says it must be for both to count.",
    EXAMPLE,
)
