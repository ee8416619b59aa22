"""What is thrown at each parser: noise, real records with parts exchanged, and what nearly fits its grammar."""

import json
import math
from datetime import UTC, datetime
from typing import Final

from hypothesis import strategies as st

from doctl.endpoints import Address
from doctl.net import teredo_state
from doctl.net.adapters.inventory import read_inventory
from doctl.net.proxies import macos, pac, windows
from doctl.net.proxies.address import Proxy
from doctl.printable import printable
from doctl.settings import SETTINGS, read_settings
from doctl.wire import file_names, hash_file, ranges, teredo, urls, wsus
from tests.fuzz.service_inputs import SERVICE_TARGETS
from tests.fuzz.target import Target
from tests.servers.teredo import Advertisement

RECORD: Final = {
    "MajorVersion": 1,
    "MinorVersion": 0,
    "HashOfHashes": "bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA=",
    "ContentLength": 244530,
    "PieceSize": 1048576,
    "Pieces": ["J/rmYNjGCeAgcDu0Y7ZgHmKBHcddsZl1vLfWjZWbUn0="],
}
NOW: Final = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def near(*forms: str) -> st.SearchStrategy[str]:
    """Return any text, texts of the given regular expressions, and such texts with something put in or cut off."""
    fitting = st.one_of(*(st.from_regex(form, fullmatch=True) for form in forms))
    spoilt = st.builds(
        lambda text, at, more: text[:at] + more + text[at:], fitting, st.integers(0, 80), st.text(max_size=4)
    )
    cut = st.builds(lambda text, count: text[: -count or None], fitting, st.integers(0, 10))
    return st.one_of(st.text(), st.text(st.characters(categories=["Cc", "Cf", "Nd", "Zs"])), fitting, spoilt, cut)


_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=50))
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=20,
)
_SIZES = st.sampled_from([-1, 0, 1, 1023, 1024, 244530, 1 << 20, 1 << 24, (1 << 24) + 1, 1 << 63, 10**4000])
_DIGESTS = st.binary(max_size=40).map(hash_file.encode)


def _record(changes: dict[str, object], without: set[str]) -> bytes:
    fields: dict[str, object] = {**RECORD, **changes}
    return json.dumps({key: value for key, value in fields.items() if key not in without}).encode()


def _spliced(start: int, end: int, middle: bytes) -> bytes:
    whole = json.dumps(RECORD).encode()
    return whole[:start] + middle + whole[end:]


HASH_FILES: Final = st.one_of(
    st.binary(),
    _VALUES.map(lambda value: json.dumps(value).encode()),
    st.builds(
        _record,
        st.fixed_dictionaries(
            {},
            optional={
                "ContentLength": _SIZES | _VALUES,
                "PieceSize": _SIZES | _VALUES,
                "HashOfHashes": _DIGESTS | _VALUES,
                "Pieces": st.lists(_DIGESTS | _VALUES, max_size=3) | _VALUES,
                "Other": _VALUES,
            },
        ),
        st.sets(st.sampled_from(sorted(RECORD)), max_size=1),
    ),
    st.builds(_spliced, st.integers(0, 300), st.integers(0, 300), st.binary(max_size=20)),
    st.integers(1, 6000).map(lambda digits: json.dumps(RECORD).replace("244530", "9" * digits).encode()),
    st.builds(
        lambda opening, depth: opening * depth, st.sampled_from([b"[", b'{"a":', b'{"[']), st.integers(0, 100_000)
    ),
)

_DATES = near(r"(Sun|Mon|x), [0-9]{1,2}[ -](Jan|Feb|Foo)[ -][0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{4})")
_DIGEST_TEXT = near(r"(DO-)?[A-Za-z0-9+/_-]{42,44}={0,2}", r"(DO-)?[A-Za-z0-9+/_-]{42}[AEIMQUYcgkosw048]=?")
_LENGTHS = near("[0-9]{1,25}", "922337203685477580[0-9]")
_CONTENT_RANGES = near(
    r"bytes [0-9]{1,20}-[0-9]{1,20}/([0-9]{1,20}|\*)", r"bytes \*/[0-9]{1,20}", r"bytes \*/922337203685477580[0-9]"
)
_ADDRESSES = near(
    r"[a-z.]{1,9}:([0-9]{1,6}|6553[0-9]|0{0,3}[0-9]{5})",
    r"\[[0-9a-f:]{0,9}(%[a-z]{1,4})?\]:[0-9]{1,6}",
    r"[0-9a-f:]{2,20}",
)
_SETTINGS = near(
    rf"\[settings\]\n(({'|'.join(SETTINGS)}|x) = ([0-9]{{1,30}}|true|\"[a-z]{{0,9}}\"|1.5|\[\])\n){{0,3}}",
    r"\[\[boundary\]\]\nname = \"a\"\ncidr = \[\"[0-9a-f.:/]{0,20}\"\]\n(download_mode = [0-9]{1,3})?",
)
_URLS = near(
    r"https?://([a-z]{1,9}:[a-z]{0,9}@)?[a-z.]{1,9}(:[0-9]{0,6})?(/[a-z%0-9.]{0,9}){0,3}(\?[a-z]{0,9})?",
    r"(https?:)?//\[[0-9a-f:]{0,9}\]?(:[0-9]{0,6})?(/[a-z]{0,9})?",
)
_NAMES = near(
    r"(\.\./|[a-z]:\\|/)?(con|aux|nul|com1)?[a-z. ]{0,9}", r"[a-z]{1,300}(\.[a-z]{1,30})?", "[\u00e9\u4e16]{1,200}"
)
_DISPOSITIONS = near(r"attachment; filename=\"[a-z./\\]{0,20}\"", r"inline; filename\*=utf-8''[a-z%0-9/]{0,20}")
_PROXIES = near(r"((http|https|socks5|x)://)?([a-z%]{0,9}:[a-z%@]{0,9}@)?[a-z.]{0,9}(:[0-9]{0,6})?/?")
_LISTS = near(
    r"((http|https|ftp)=[a-z.:0-9]{0,12}[; ]?){0,4}",
    r"((PROXY|HTTPS|SOCKS|DIRECT|X) ?[a-z.@]{0,9}(:[0-9]{0,6})?; ?){0,4}",
    r"( ?[A-Za-z]{1,9} : (<dictionary> \{|[a-z0-9.]{0,9}|<array> \{)\n){0,6}\}?",
    r"([A-Za-z ]{0,20}: {1,4}[a-z.:0-9]{0,12}\n){0,4}",
    r"([A-Za-z ]{0,9} ?: ?[a-z.:0-9]{0,9}\n){4}[A-Z]{1,9}: (offline|qualified|probe\(cone\))\n(a: b\n){0,7}",
)
_ADAPTERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.just("eth0") | _VALUES},
        optional={
            "kind": st.sampled_from(["ethernet", "x"]) | _VALUES,
            "if_type": _SIZES | _VALUES,
            "up": st.booleans() | _VALUES,
            "addresses": st.lists(st.just("10.0.0.5/24") | _VALUES, max_size=3) | _VALUES,
            "default_route": st.booleans() | _VALUES,
            "other": _VALUES,
        },
    )
    | _VALUES,
    max_size=3,
)
_INVENTORIES = st.one_of(
    st.binary(),
    _ADAPTERS.map(lambda rows: json.dumps({"adapters": rows}).encode()),
    st.builds(
        lambda opening, depth: opening * depth, st.sampled_from([b"[", b'{"adapters":[']), st.integers(0, 100_000)
    ),
)


_ADVERTISEMENT = Advertisement(bytes(8), ("192.0.2.1", 3544), teredo.PLAIN_SOURCE).encode()
ADVERTISEMENTS: Final = st.one_of(
    st.binary(max_size=200),
    st.integers(0, len(_ADVERTISEMENT)).map(lambda length: _ADVERTISEMENT[:length]),
    st.builds(
        lambda at, middle, cut: _ADVERTISEMENT[:at] + middle + _ADVERTISEMENT[at + len(middle) * cut :],
        st.integers(0, len(_ADVERTISEMENT)),
        st.binary(max_size=4),
        st.booleans(),
    ),
)


def _sound(read: hash_file.HashFile) -> bool:
    count = math.ceil(read.content_length / read.piece_size)
    whole = len(read.pieces) == count <= hash_file.MAX_PIECES and all(len(piece) == 32 for piece in read.pieces)
    return whole and hash_file.parse_unchecked(hash_file.to_json(read)) == read


def _right(read: hash_file.HashFile) -> bool:
    return _sound(read) and read.computed == read.hash_of_hashes


def _inside(part: ranges.ContentRange) -> bool:
    return 0 <= part.first <= part.last < (ranges.MAX_LENGTH if part.total is None else part.total)


def _harmless(name: str) -> bool:
    unsafe = set('<>:"/\\|?*') & set(name)
    return not unsafe and len(name.encode()) <= file_names.LONGEST and (not name or name.strip(". ") == name)


TARGETS: Final[dict[str, Target]] = {
    "doctl.wire.hash_file.parse": Target(hash_file.parse, HASH_FILES, _right),
    "doctl.wire.hash_file.parse_unchecked": Target(hash_file.parse_unchecked, HASH_FILES, _sound),
    "doctl.wire.hash_file.parse_hash_of_hashes": Target(
        hash_file.parse_hash_of_hashes, _DIGEST_TEXT, lambda digest: len(digest) == 32
    ),
    "doctl.wire.hash_file.parse_content_id": Target(
        hash_file.parse_content_id,
        _DIGEST_TEXT,
        lambda digest: hash_file.parse_content_id(hash_file.content_id(digest)) == digest,
    ),
    "doctl.wire.ranges.parse_content_range": Target(ranges.parse_content_range, _CONTENT_RANGES, _inside),
    "doctl.wire.ranges.parse_unsatisfied_range": Target(
        ranges.parse_unsatisfied_range, _CONTENT_RANGES, lambda total: 0 <= total <= ranges.MAX_LENGTH
    ),
    "doctl.wire.ranges.parse_content_length": Target(
        ranges.parse_content_length, _LENGTHS, lambda length: 0 <= length <= ranges.MAX_LENGTH
    ),
    "doctl.wire.ranges.parse_etag": Target(
        ranges.parse_etag, near('(W/)?"[^"]{0,9}"'), lambda tag: ranges.parse_etag(str(tag)) == tag
    ),
    "doctl.wire.ranges.if_range": Target(
        lambda headers: ranges.if_range(*headers),
        st.tuples(st.none() | near('(W/)?"[^"]{0,9}"'), st.none() | _DATES, st.none() | _DATES),
        lambda value: value is None or not value.startswith("W/"),
    ),
    "doctl.wire.ranges.parse_http_date": Target(
        ranges.parse_http_date, _DATES, lambda date: date is None or date.tzinfo is not None
    ),
    "doctl.wire.ranges.parse_retry_after": Target(
        lambda value: ranges.parse_retry_after(value, NOW),
        st.one_of(_DATES, _LENGTHS),
        lambda seconds: seconds is None or 0 <= seconds <= ranges.MAX_RETRY_AFTER,
    ),
    "doctl.endpoints.Address.parse": Target(
        Address.parse, _ADDRESSES, lambda address: Address.parse(str(address)) == address and 0 <= address.port <= 65535
    ),
    "doctl.printable.printable": Target(
        lambda text: printable(text, 50), st.text(), lambda shown: shown.isprintable() and len(shown) <= 503
    ),
    "doctl.settings.read_settings": Target(lambda text: read_settings(text, "a file"), _SETTINGS),
    "doctl.wire.urls.usable": Target(urls.usable, _URLS, lambda url: urls.usable(url) == url),
    "doctl.wire.urls.shown": Target(urls.shown, _URLS, lambda text: text.isprintable()),
    "doctl.wire.urls.next_hop": Target(
        lambda location: urls.next_hop(["https://user:secret@host/a/b?c"], location),
        _URLS,
        lambda url: url.startswith("https://") and urls.usable(url) == url,
    ),
    "doctl.wire.file_names.clean": Target(file_names.clean, _NAMES, _harmless),
    "doctl.wire.file_names.suggest": Target(
        lambda said: file_names.suggest("http://host/", said),
        _DISPOSITIONS,
        lambda name: bool(name) and _harmless(name),
    ),
    "doctl.net.adapters.inventory.read_inventory": Target(lambda data: read_inventory(data, "a file"), _INVENTORIES),
    "doctl.net.proxies.address.Proxy.parse": Target(
        Proxy.parse, _PROXIES, lambda proxy: Proxy.parse(proxy.url) == proxy and str(proxy).isprintable()
    ),
    "doctl.net.proxies.windows.parse_servers": Target(
        windows.parse_servers, _LISTS, lambda found: set(found) <= {"http", "https"}
    ),
    "doctl.net.proxies.windows.parse_winhttp": Target(windows.parse_winhttp, _LISTS),
    "doctl.net.proxies.macos.parse": Target(macos.parse, _LISTS),
    **SERVICE_TARGETS,
    "doctl.wire.teredo.parse_answer": Target(
        teredo.parse_answer,
        ADVERTISEMENTS,
        lambda answer: isinstance(answer, teredo.Flaw) or len(answer.nonce) == teredo.NONCE_SIZE,
    ),
    "doctl.wire.wsus.parse_place": Target(
        wsus.parse_place,
        near(r"https?://([a-z]{1,9}|\[[0-9a-f:]{0,9}\])(:[0-9]{0,6})?(/([Cc]ontent/[0-9A-F]{2}/[0-9A-F]{0,9}.cab)?)?"),
        lambda place: urls.usable(place.content) == place.content and place.content.startswith("http://"),
    ),
    "doctl.net.teredo_state.parse_state": Target(
        teredo_state.parse_state, _LISTS, lambda state: state.state.lower().startswith(teredo_state.STATES)
    ),
    "doctl.net.proxies.pac.parse_result": Target(pac.parse_result, _LISTS, lambda named: bool(named.proxies)),
}
