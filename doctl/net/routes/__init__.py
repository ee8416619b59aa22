"""Which way packets to an address leave this machine, as frozen data; who asks which system is in the modules here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one address: the adapter by the name that lists of adapters have, and our own address on it.

    Either is empty where the system does not say it.
    """

    adapter: str = ""
    source: str = ""
