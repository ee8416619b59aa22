"""How two uploads that both give way share a link."""

import json
import time
from dataclasses import dataclass

from benchmarks.bottleneck import FLOW, PORT, bottleneck
from tests.servers.flow import rate

LINKS = ((20, 200), (100, 25))
"""Mbit/s, and milliseconds of buffer."""
LATER = 5.0
"""Seconds by which the second one is late."""
SOON = 5.0
"""Seconds from its beginning in which it must not starve."""
TOGETHER = 60.0
"""Seconds that both are there; the draft's own figures for two flows are of minutes."""
SETTLED = 30.0
"""The last of these seconds, in which they share: it takes several slowdowns until both know the path's own delay."""


@dataclass(frozen=True)
class Shares:
    """Mbit/s of two uploads on one link, once both are settled; ``soon`` of the late one in its first seconds."""

    rate: float
    buffer_ms: int
    first: float
    late: float
    soon: float

    @property
    def share(self) -> float:
        """What the late one has, in percent of an equal share."""
        return 200 * self.late / (self.first + self.late)

    def __str__(self) -> str:
        link = f"{self.rate:4g} Mbit/s {self.buffer_ms:4} ms"
        return f"{link}  the first {self.first:.1f}  the late one {self.late:.1f}, soon {self.soon:.1f} Mbit/s"


def shares(mbit: float, buffer_ms: int) -> Shares:
    """Let one upload have the link, and another come later."""
    with bottleneck(mbit, buffer_ms) as link:
        where = (*FLOW, "background", link.receiver.ipv4, str(PORT))
        first = link.sender.start(*where, f"{LATER + TOGETHER + 1:g}")
        time.sleep(LATER)
        late = json.loads(link.sender.run(*where, f"{TOGETHER:g}", timeout=TOGETHER + 60).stdout)["looks"]
        early = json.loads(first.communicate()[0])["looks"]
    until = min(late[-1][0], early[-1][0])
    first_has, late_has = (rate(looks, until - SETTLED, until) / 1e6 for looks in (early, late))
    return Shares(mbit, buffer_ms, first_has, late_has, rate(late, until=late[0][0] + SOON) / 1e6)
