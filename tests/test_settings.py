"""The DO* settings: files are read strictly, layers and boundary groups say where a value came from."""

from ipaddress import ip_address

import pytest

from doctl.errors import UsageError
from doctl.settings import (
    MOST_TEXT,
    SETTINGS,
    Origin,
    Value,
    defaults,
    effective,
    layered,
    read_assignment,
    read_environment,
    read_policy,
    read_settings,
)

GOOD = """
[settings]
DODownloadMode = 2
DOVpnKeywords = "Contoso, , Tunnel"
DOAllowVPNPeerCaching = true

[[boundary]]
name = "VPN"
cidr = ["10.8.0.0/16", "fd00:8::/32"]
download_mode = 0

[[boundary]]
cidr = ["10.8.7.0/24"]
download_mode = 99
"""

WRONG = {
    "[settings]\nDODownloadMod = 1": "unknown key 'DODownloadMod'; did you mean DODownloadMode?",
    "[settings]\ndodownloadmode = 1": "did you mean DODownloadMode?",
    "[setings]": "unknown key 'setings'; did you mean settings?",
    "[settings]\nzzz = 1": "unknown key 'zzz'; doctl settings shows every one there is",
    "settings = 3": "write [settings]",
    '[settings]\nDODownloadMode = "1"': "DODownloadMode is '1'; it must be a whole number",
    "[settings]\nDODownloadMode = true": "it must be a whole number",
    "[settings]\nDODownloadMode = 7": "DODownloadMode is 7; it must be one of 0, 1, 2, 3, 99, 100",
    "[settings]\nDOMaxCacheSize = 101": "DOMaxCacheSize is 101; it must be from 1 to 100 %",
    "[settings]\nDOMaxCacheAge = -1": "must be from 0 to 4294967295 s",
    "[settings]\nDOMaxCacheAge = 0x" + "f" * 9000: "is something huge",
    "[settings]\nDOAllowVPNPeerCaching = 2": "must be from 0 to 1",
    "[settings]\nDOCacheHost = 3": "DOCacheHost is 3; it must be text in quotes",
    '[settings]\nDOGroupId = "sales"': "it must be a GUID such as",
    "[settings]\nDOMaxCacheAge = 1\nDOMaxCacheAge = 2": "not TOML",
    "[settings": "not TOML",
    "x = " + "[" * 5000: "not TOML",
    "[boundary]\ncidr = []": "write [[boundary]]",
    "[[boundary]]\ndownload_mode = 0": "needs ranges",
    '[[boundary]]\ncidr = ["10.8.0.0/16"]': "needs a mode",
    '[[boundary]]\ncidr = ["10.8.0.1/16"]\ndownload_mode = 0': "10.8.0.1/16 has host bits set; write 10.8.0.0/16",
    "[[boundary]]\ncidr = [10]\ndownload_mode = 0": "10 is not a range",
    '[[boundary]]\ncidr = ["10.0.0.0/8"]\ndownload_mode = 5': "must be one of",
    '[[boundary]]\ncidr = ["10.0.0.0/8"]\ndownload_mode = 0\nname = 1': "name is 1",
    '[[boundary]]\ncidrs = ["10.0.0.0/8"]': "did you mean cidr?",
    "boundary = [1]": "must be a table",
    "#" * (MOST_TEXT + 1): "a settings file is short",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_what_is_wrong_in_a_file_is_said_in_one_line(text: str) -> None:
    """A wrong settings file is a usage error that names the file, what is wrong and what would be right."""
    with pytest.raises(UsageError) as caught:
        read_settings(text, "do.toml")
    message = str(caught.value)
    assert message.startswith("do.toml")
    assert WRONG[text] in message
    assert len(message) < 1200


def test_every_documented_setting_has_its_default() -> None:
    """All 29 settings are there, with the defaults that Windows uses."""
    assert len(SETTINGS) == 29
    settings = defaults()
    assert settings.number("DODownloadMode") == 1
    assert settings.number("DOMaxCacheAge") == 259_200
    assert settings.number("DOMinBackgroundQoS") == 2500
    assert settings.number("DOCacheHostSource") is None
    assert settings.words("DOVpnKeywords") == ("VPN", "Secure", "Virtual Private Network")
    assert {value.origin for value in settings.values.values()} == {Origin.DEFAULT}


def test_each_value_says_where_it_came_from() -> None:
    """A later layer wins, and what nobody set keeps saying that it is a default."""
    file = read_settings(GOOD, "do.toml")
    settings = layered({"DOCacheHost": Value("cache", Origin.REGISTRY, "HKLM")}, file)
    settings = layered({"DODownloadMode": Value(0, Origin.OPTION, "--mode")}, base=settings)
    assert settings.values["DODownloadMode"] == (0, Origin.OPTION, "--mode")
    assert settings.values["DOAllowVPNPeerCaching"] == (1, Origin.FILE, "do.toml")
    assert settings.values["DOCacheHost"] == ("cache", Origin.REGISTRY, "HKLM")
    assert settings.values["DOMaxCacheSize"] == (20, Origin.DEFAULT, "")
    assert settings.words("DOVpnKeywords") == ("Contoso", "Tunnel")
    assert settings.text("DOGroupId") == ""
    assert len(settings.boundaries) == 2


@pytest.mark.parametrize(
    ("address", "mode", "where"),
    [
        ("10.8.1.1", 0, "VPN 10.8.0.0/16"),
        ("fd00:8::1", 0, "VPN fd00:8::/32"),
        ("10.8.7.1", 99, "10.8.7.0/24"),
        ("10.9.0.1", 2, "do.toml"),
    ],
)
def test_the_narrowest_boundary_group_decides_the_mode(address: str, mode: int, where: str) -> None:
    """Inside a boundary group its mode applies, in the narrowest where they overlap, and outside nothing changes."""
    settings = effective(layered(read_settings(GOOD, "do.toml")), [ip_address("192.0.2.1"), ip_address(address)])
    assert settings.number("DODownloadMode") == mode
    assert settings.values["DODownloadMode"].where == where


def test_the_environment_makes_settings() -> None:
    """DOCTL_ and a setting's name in capitals makes it; an empty one does not, nor does any other."""
    made = read_environment({"DOCTL_DODOWNLOADMODE": "3", "DOCTL_DOCACHEHOST": "", "DOCTL_DEBUG": "1", "PATH": "/bin"})
    assert made == {"DODownloadMode": Value(3, Origin.ENVIRONMENT, "DOCTL_DODOWNLOADMODE")}
    with pytest.raises(UsageError, match="did you mean DOCTL_DODOWNLOADMODE"):
        read_environment({"DOCTL_DODOWNLOADMOD": "3"})
    with pytest.raises(UsageError, match="DODownloadMode is 'lan'; it must be a whole number"):
        read_environment({"DOCTL_DODOWNLOADMODE": "lan"})


def test_a_bad_policy_value_is_left_out_and_told() -> None:
    """What the registry holds is taken where it will do; for the rest there is a line, since Windows goes on too."""
    found, problems = read_policy({"DODownloadMode": 2, "DOMaxCacheSize": 900, "DOGroupId": b"\0"})
    assert list(found) == ["DODownloadMode"]
    assert found["DODownloadMode"].origin is Origin.REGISTRY
    assert ["DOMaxCacheSize is 900" in problems[0], "DOGroupId" in problems[1]] == [True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [("DODownloadMode", "has no value"), ("Mode=1", "unknown key"), ("DODownloadMode=x", "must be a whole number")],
)
def test_an_assignment_is_read_strictly(text: str, message: str) -> None:
    """NAME=VALUE on a command line must name a setting and a value that it takes."""
    with pytest.raises(UsageError, match=message):
        read_assignment(text, "--set")
    assert read_assignment("DOCacheHost=mcc.test:8080", "--set") == (
        "DOCacheHost",
        Value("mcc.test:8080", Origin.OPTION, "--set"),
    )
