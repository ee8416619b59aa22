"""The settings in effect here: every layer that has some, and what boundary groups make of them."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from doctl.net.adapters import Adapter
from doctl.net.base import Network
from doctl.settings import (
    POLICY_KEY,
    SETTINGS,
    IPAddress,
    Settings,
    Value,
    effective,
    layered,
    read_environment,
    read_policy,
)

SCHEMA: Final = "doctl.settings/1"


@dataclass(frozen=True, slots=True)
class InEffect:
    """Every setting, the addresses that boundary groups were asked about, and what of the registry was left out.

    ``made`` is what was set before boundary groups had their say, which is another one at another address.
    """

    settings: Settings
    made: Settings
    addresses: tuple[IPAddress, ...] = ()
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the object that ``doctl settings --format json`` writes."""
        return {
            "schema": SCHEMA,
            "addresses": [str(address) for address in self.addresses],
            "settings": {
                name: {
                    "value": made.value,
                    "unit": SETTINGS[name].unit,
                    "origin": str(made.origin),
                    "where": made.where,
                }
                for name, made in self.settings.values.items()
            },
            "boundaries": [
                {
                    "name": boundary.name,
                    "cidr": [str(network) for network in boundary.networks],
                    "download_mode": boundary.download_mode,
                }
                for boundary in self.settings.boundaries
            ],
            "problems": list(self.problems),
        }


async def in_effect(
    network: Network,
    environment: Mapping[str, str],
    *layers: Settings | Mapping[str, Value],
    addresses: tuple[IPAddress, ...] | None = None,
    timeout: float = 5.0,
) -> InEffect:
    """Lay the registry's policy, ``environment`` and then ``layers`` over the defaults.

    Boundary groups are asked about ``addresses``, those of this machine unless given. Raises UsageError for settings
    that will not do, LocalError where the registry or the adapters cannot be read.
    """
    policy: dict[str, Value] = {}
    problems: tuple[str, ...] = ()
    if network.platform == "win32":
        policy, problems = read_policy(await network.registry(POLICY_KEY, tuple(SETTINGS)))
    settings = layered(policy, read_environment(environment), *layers)
    if addresses is None:
        addresses = own_addresses(await network.adapters(timeout)) if settings.boundaries else ()
    return InEffect(effective(settings, addresses), settings, addresses, problems)


def own_addresses(adapters: Iterable[Adapter]) -> tuple[IPAddress, ...]:
    """Return the addresses of the adapters that are up, without loopback and link-local ones, and without scopes."""
    found = (interface.ip for adapter in adapters if adapter.up for interface in adapter.addresses)
    return tuple(_plain(address) for address in found if not (address.is_loopback or address.is_link_local))


def _plain(address: IPAddress) -> IPAddress:
    """Return ``address`` without a scope, which no range has."""
    return ipaddress.ip_address(str(address).partition("%")[0])
