"""Reads this machine's adapters: addresses from psutil, default routes from netifaces, the rest from the system."""

import contextlib
import ipaddress
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from doctl.errors import LocalError
from doctl.net.adapters import Adapter, Details, IPInterface
from doctl.net.threads import uninterruptible
from doctl.printable import printable


class Bound(Protocol):
    """An address as psutil gives it; the netmask is missing where the system does not say."""

    @property
    def address(self) -> str:
        """The address, or that of the link layer."""
        ...

    @property
    def netmask(self) -> str | None:
        """The mask, written as an address."""
        ...


async def read(timeout: float) -> tuple[Adapter, ...]:
    """Return this machine's adapters; LocalError when the system does not tell within ``timeout`` seconds."""
    try:
        details = await _details(timeout)
        return await uninterruptible(lambda: _read(details), timeout)
    except TimeoutError:
        raise LocalError(f"the network adapters were not listed within {timeout:g} s") from None


async def _details(timeout: float) -> dict[str, Details]:
    if sys.platform == "win32":
        from doctl.net.adapters import windows  # noqa: PLC0415 - only the one for this system is loaded

        return await uninterruptible(windows.details, timeout)
    if sys.platform == "darwin":
        from doctl.net.adapters import macos  # noqa: PLC0415 - as above

        return await macos.details(timeout)
    from doctl.net.adapters import linux  # noqa: PLC0415 - as above

    return await uninterruptible(linux.details, timeout)


def _read(details: Mapping[str, Details]) -> tuple[Adapter, ...]:
    import psutil  # noqa: PLC0415 - only checks need it

    try:
        addresses, states = psutil.net_if_addrs(), psutil.net_if_stats()
    except (psutil.Error, OSError, RuntimeError) as error:
        raise LocalError(f"the network adapters cannot be listed: {printable(str(error), 200)}") from error
    routes, prefixes = default_routes(), _prefixes()
    return tuple(
        join(
            name,
            [*_interfaces(addresses.get(name, []), prefixes)],
            name in states and states[name].isup,
            details.get(name, Details()),
            routes,
        )
        for name in dict.fromkeys([*addresses, *details])
    )


def _prefixes() -> dict[str, int]:
    """Return how long each address's prefix is; psutil does not say it of IPv6 on Windows."""
    import ifaddr  # noqa: PLC0415 - only checks need it

    try:
        entries = [entry for adapter in ifaddr.get_adapters() for entry in adapter.ips]
    except OSError:
        return {}
    return {str(entry.ip[0] if entry.is_IPv6 else entry.ip): int(entry.network_prefix) for entry in entries}


def default_routes() -> dict[str, list[str]]:
    """Return the gateways of each adapter with a default route, by what the table of routes calls it.

    Empty where it cannot be read.
    """
    import netifaces  # noqa: PLC0415 - only checks need it

    try:
        gateways = netifaces.gateways()
    except (OSError, ValueError, RuntimeError, NotImplementedError):
        return {}
    routes: dict[str, list[str]] = {}
    for rows in gateways.values():
        for gateway, name, *_ in rows if isinstance(rows, list) else ():
            routes.setdefault(str(name), []).append(str(gateway))
    return routes


def join(
    name: str, addresses: Sequence[IPInterface], up: bool, details: Details, routes: Mapping[str, Sequence[str]]
) -> Adapter:
    """Put together what the sources say of one adapter."""
    shown = printable(name, 100)
    called = {name, details.route_name} & routes.keys()
    return Adapter(
        name=shown,
        friendly_name=shown,
        description=details.description,
        kind=details.kind,
        if_type=details.if_type,
        up=up,
        addresses=tuple(addresses),
        default_route=details.default_route or bool(called),
        driver=details.driver,
        gateways=tuple(_literals(gateway for each in called for gateway in routes[each])),
    )


def _literals(gateways: Iterable[str]) -> Iterator[str]:
    """Yield the gateways that are addresses, without a scope; a route may lead to an adapter instead."""
    for gateway in gateways:
        with contextlib.suppress(ValueError):
            yield str(ipaddress.ip_address(gateway.partition("%")[0]))


def _interfaces(addresses: Sequence[Bound], prefixes: Mapping[str, int]) -> Iterator[IPInterface]:
    """Turn psutil's entries into addresses with a prefix; those of the link layer are left out."""
    for entry in addresses:
        try:
            yield interface(entry, prefixes)
        except ValueError:
            continue


def interface(entry: Bound, prefixes: Mapping[str, int]) -> IPInterface:
    """Return an address with its prefix, from the netmask or else from ``prefixes``; ValueError for no IP address."""
    address = ipaddress.ip_address(entry.address)
    bare = entry.address.partition("%")[0]
    if entry.netmask is None:
        return ipaddress.ip_interface(f"{address}/{prefixes.get(bare, address.max_prefixlen)}")
    if isinstance(address, ipaddress.IPv4Address):
        return ipaddress.IPv4Interface(f"{address}/{entry.netmask}")
    return ipaddress.IPv6Interface(f"{address}/{int(ipaddress.IPv6Address(entry.netmask)).bit_count()}")
