"""The real network without names, for checks that would also ask hosts of the Internet: only literals are reached."""

import ipaddress

from doctl.errors import NameLookupError
from doctl.net.system import SystemNetwork


class Offline(SystemNetwork):
    """Resolves nothing."""

    async def resolve(self, host: str, timeout: float) -> list[str]:
        """Return a literal as it is."""
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            raise NameLookupError(f"{host}: the name has no address") from None
