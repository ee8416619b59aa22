"""Fields of the coordination service's JSON, each bounded and checked before anybody uses it."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import Final

from doctl.errors import DoctlError, ServiceError, UsageError
from doctl.printable import printable
from doctl.settings import IPAddress
from doctl.wire.hash_file import parse_hash_of_hashes
from doctl.wire.urls import usable

LARGEST: Final = 256 * 1024
"""Bytes of JSON that are read at most, in either direction."""
LONGEST_TEXT: Final = 256
"""Characters in a field that is neither a URL nor a number."""
MOST_URLS: Final = 16
LARGEST_NUMBER: Final = 2**63 - 1

Fault = Callable[[str, str], DoctlError]
"""Makes the exception for a reason, one word, and a message."""


def of_answer(reason: str, message: str) -> ServiceError:
    """Make the exception for what a service answered."""
    return ServiceError(f"the coordination service's answer is not usable: {message}", reason=reason)


def of_request(_reason: str, message: str) -> UsageError:
    """Make the exception for what a client asked."""
    return UsageError(message)


class Fields:
    """A JSON object whose values are taken out by name, each of the right type and size or else ``fault``.

    Numbers and switches may be written as text, as clients were seen to do. Names that nobody takes are ignored.
    """

    def __init__(self, values: Mapping[str, object], fault: Fault) -> None:
        self._values = values
        self.fault = fault

    def text(self, name: str, default: str | None = None, most: int = LONGEST_TEXT) -> str:
        """Return printable text without white space at its ends; without ``default`` it must be there."""
        value = self._values.get(name)
        if value is None or value == "":
            return self._absent(name) if default is None else default
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER:
            value = str(value)
        if not isinstance(value, str) or len(value) > most or not value.isprintable() or value != value.strip():
            raise self.wrong(name, f"must be printable text of at most {most} characters")
        return value

    def number(self, name: str, default: int = 0, low: int = 0, high: int = LARGEST_NUMBER) -> int:
        """Return a whole number in decimal."""
        text = self.text(name, str(default), most=20)
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or not low <= int(text) <= high:
            raise self.wrong(name, f"must be a whole number from {low} to {high}")
        return int(text)

    def switch(self, name: str) -> bool:
        """Return true or false; false unless it is there."""
        value = self._values.get(name)
        return value if isinstance(value, bool) else bool(self.number(name, high=1))

    def address(self, name: str) -> IPAddress | None:
        """Return an IP address without a scope, None where there is none."""
        text = self.text(name, "")
        if not text:
            return None
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise self.wrong(name, "must be an IP address") from None
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            raise self.wrong(name, "must be an IP address without a scope")
        return address

    def url(self, name: str) -> str:
        """Return an http or https URL; it must be there."""
        return self._usable(name, self.text(name, most=8000))

    def template(self, name: str, part: str) -> str:
        """Return a URL that has ``part`` in it, to be replaced; it must be there."""
        text = self.text(name, most=8000)
        if part not in text:
            raise self.wrong(name, f"must hold the text {part}")
        self._usable(name, text.replace(part, "x"))
        return text

    def urls(self, name: str) -> tuple[str, ...]:
        """Return a list of URLs, empty unless it is there."""
        values = self._values.get(name)
        if values is None:
            return ()
        if not isinstance(values, list) or len(values) > MOST_URLS:
            raise self.wrong(name, f"must be a list of at most {MOST_URLS} URLs")
        return tuple(self._usable(name, value) for value in values)

    def digest(self, name: str) -> bytes | None:
        """Return the 32 bytes of a HashOfHashes in base64, None where there is none."""
        text = self.text(name, "")
        try:
            return parse_hash_of_hashes(text) if text else None
        except UsageError:
            raise self.wrong(name, "must be 32 bytes in base64") from None

    def inner(self, name: str) -> "Fields":
        """Return the fields of an object inside, none unless it is there."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "must be an object")
        return Fields(value or {}, self.fault)

    def rows(self, name: str, most: int) -> list["Fields"]:
        """Return the fields of each object of a list; the list must be there."""
        values = self._values.get(name)
        if not isinstance(values, list):
            raise self.wrong(name, "must be a list")
        if len(values) > most:
            raise self.fault("too_many", f"{name} has {len(values)} entries; at most {most} are taken")
        if not all(isinstance(value, dict) for value in values):
            raise self.wrong(name, "must be a list of objects")
        return [Fields(value, self.fault) for value in values]

    def wrong(self, name: str, rule: str) -> DoctlError:
        """Return the exception that says that ``name`` breaks ``rule``."""
        return self.fault("bad_value", f"{name} {rule}")

    def _absent(self, name: str) -> str:
        raise self.fault("incomplete", f"{name} is missing")

    def _usable(self, name: str, value: object) -> str:
        try:
            if isinstance(value, str):
                return usable(value)
        except UsageError:
            pass
        raise self.wrong(name, "must be a URL, http or https with a host")


def read_object(data: bytes, fault: Fault) -> Fields:
    """Read a JSON object, or a list whose first entry is one."""
    value = _json(data, fault)
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        raise fault("not_json", "it is no JSON object")
    return Fields(value, fault)


def read_answer(data: bytes, content_type: str) -> Fields:
    """Read what a service answered with this ``Content-Type``; a web page is a captive portal's."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml") or data[:100].lstrip().startswith(b"<"):
        raise ServiceError(
            "the coordination service's answer is a web page: a captive portal or a proxy answers in its place",
            reason="captive_portal",
        )
    if not kind.endswith(("/json", "+json")):
        raise of_answer("wrong_type", f"its type is {printable(kind, 60) or 'not named'}, not JSON")
    return read_object(data, of_answer)


def _json(data: bytes, fault: Fault) -> object:
    if len(data) > LARGEST:
        raise fault("too_large", f"more than {LARGEST} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise fault("not_json", "it is not JSON, or only half of it came") from None
