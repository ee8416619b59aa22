"""What GetAdaptersAddresses and ifaddr say of an adapter is put together; the call itself runs under Wine."""

import sys

import pytest

from doctl.errors import LocalError
from doctl.net.adapters import Details, Kind
from doctl.net.adapters.windows import Interface, describe, interfaces

GUID = "{5919C7A6-EE3B-4B6E-B900-C4142FD9AFBA}"


@pytest.mark.parametrize(
    ("if_type", "kind"),
    [
        (6, Kind.ETHERNET),
        (71, Kind.WIFI),
        (23, Kind.PPP),
        (131, Kind.TUNNEL),
        (53, Kind.VIRTUAL),
        (24, Kind.LOOPBACK),
        (243, Kind.CELLULAR),
        (1, Kind.UNKNOWN),
    ],
)
def test_the_type_says_the_kind(if_type: int, kind: Kind) -> None:
    """IANA's ifType becomes doctl's kind, and routes are looked up by the GUID."""
    said = describe(Interface(GUID, "Ethernet 2", if_type, True), "TAP-Windows Adapter V9")
    assert said == Details(kind, if_type, "TAP-Windows Adapter V9", route_name=GUID)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has the function")
def test_elsewhere_there_is_no_such_function() -> None:
    """On another system the call is refused in one line."""
    with pytest.raises(LocalError, match="on Windows only"):
        interfaces()
