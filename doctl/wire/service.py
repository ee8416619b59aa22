"""The chain that leads to peers, as JSON: location, key-value, content policy, discovery; joining is in ``joining``.

The steps and their names are as published captures of Delivery Optimization have them. Each ``parse_*`` takes a body
and its ``Content-Type`` and raises ServiceError, whose ``reason`` is one of REASONS. A service that wants a token wants
it as ``Authorization: Bearer TOKEN`` when peers are joined or listed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from doctl.settings import IPAddress
from doctl.wire.hash_file import encode
from doctl.wire.service_fields import LARGEST, LONGEST_TEXT, Fields, of_request, read_answer
from doctl.wire.urls import LONGEST as LONGEST_URL

REASONS: Final = (
    "captive_portal",
    "wrong_type",
    "too_large",
    "not_json",
    "incomplete",
    "bad_value",
    "no_address",
    "too_many",
)
"""Why an answer is unusable; ``no_address`` is an external address of 0.0.0.0, as a proxy in the way causes."""
MOST_ANSWER: Final = LARGEST
"""Bytes of an answer; nobody need read further."""
MOST_CONTENT_ID: Final = LONGEST_TEXT
"""Characters in a content id, which is otherwise opaque."""
CONTENT_ID: Final = "{contentId}"
"""Stands in a URI where the content id goes."""
NO_CONTENT_ID: Final = "-"
"""Our own: goes there where only the content's URL is known, which is then the ``altCatalogId``."""
JSON_TYPE: Final = "text/json"
"""The type that the service of Windows gives its JSON."""


@dataclass(frozen=True, slots=True)
class Geo:
    """The first answer: our address as the service sees it, and where the next step is."""

    external_address: IPAddress
    key_value_uri: str
    country: str = ""
    version: str = ""
    compact_version: str = ""
    cache_host: str = ""
    cache_host_flag: str = ""
    cache_id: str = ""

    def encode(self) -> bytes:
        """Return the JSON."""
        return _json(
            {
                "ExternalIpAddress": str(self.external_address),
                "CountryCode": self.country,
                "KeyValue_EndpointFullUri": self.key_value_uri,
                "Version": self.version,
                "CompactVersion": self.compact_version,
                "CacheHost": self.cache_host,
                "CacheHostFlag": self.cache_host_flag,
                "CacheId": self.cache_id,
            }
        )


@dataclass(frozen=True, slots=True)
class KeyValues:
    """The second: URIs with ``{contentId}`` in them; ``uri_of`` puts the content id there."""

    content_policy_uri: str
    discovery_uri: str

    def encode(self) -> bytes:
        """Return the JSON."""
        fields = {
            "ContentPolicy_EndpointFullUri": self.content_policy_uri,
            "Discovery_EndpointFullUri": self.discovery_uri,
        }
        return _json(fields)


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """The third: what content is to be trusted as, and where its hash file is.

    ``*_qos`` are bytes a second, ``max_cache_age`` seconds, ``expires_at`` seconds since 1970; 0 where not said.
    """

    content_id: str
    hash_of_hashes: bytes | None
    hash_file_urls: tuple[str, ...] = ()
    content_urls: tuple[str, ...] = ()
    is_secure: bool = False
    is_internal: bool = False
    foreground_qos: int = 0
    background_qos: int = 0
    max_cache_age: int = 0
    expires_at: int = 0
    download_to_expire: int = 0
    rank: int = 0

    def encode(self) -> bytes:
        """Return the JSON."""
        return _json(
            {
                "ContentId": self.content_id,
                "HashOfHashes": encode(self.hash_of_hashes) if self.hash_of_hashes else None,
                "PiecesHashFileCdnUrls": list(self.hash_file_urls),
                "ContentCdnUrls": list(self.content_urls),
                "IsSecure": self.is_secure,
                "IsInternal": self.is_internal,
                "Policies": {
                    "ForegroundQosBps": self.foreground_qos,
                    "BackgroundQosBps": self.background_qos,
                    "MaxCacheAgeSecs": self.max_cache_age,
                    "ExpireAtSecsSinceEpoch": self.expires_at,
                    "DownloadToExpire": self.download_to_expire,
                },
                "Rank": self.rank,
            }
        )


@dataclass(frozen=True, slots=True)
class Discovery:
    """The fourth: the base URL of the array, which ends with a slash."""

    array_url: str

    def encode(self) -> bytes:
        """Return the JSON, a list as far as is known."""
        return _json([{"CollectiveArray": self.array_url}])

    @property
    def join_url(self) -> str:
        """Where to POST a join."""
        return f"{self.array_url}join/"

    @property
    def peers_url(self) -> str:
        """Our own: where to GET a swarm without joining it, with the query of ``swarm_query``."""
        return f"{self.array_url}peers/"


def geo_query(client_version: str, profile: str = "") -> dict[str, str]:
    """Return the query of the first step."""
    return {"doClientVersion": client_version, "profile": profile}


def key_value_query(geo: Geo, client_version: str, profile: str = "") -> dict[str, str]:
    """Return the query of the second step."""
    return {
        "doClientVersion": client_version,
        "countryCode": geo.country,
        "profile": profile,
        "CacheId": geo.cache_id,
    }


def content_policy_query(url: str) -> dict[str, str]:
    """Return the query of the third step for content at ``url``."""
    return {"altCatalogId": url}


def discovery_query(geo: Geo, url: str) -> dict[str, str]:
    """Return the query of the fourth step."""
    return {"partitionId": "0", "CountryCode": geo.country, "altCatalogId": url}


def swarm_query(content_id: str, url: str) -> dict[str, str]:
    """Return the query that lists a swarm: by content id, or by URL where ``content_id`` is empty."""
    return {"ContentId": content_id} if content_id else {"AltCatalogId": url}


def uri_of(template: str, content_id: str) -> str:
    """Put the content id, or NO_CONTENT_ID where it is empty, into a URI of KeyValues."""
    return template.replace(CONTENT_ID, quote(content_id or NO_CONTENT_ID, safe=""))


def parse_geo(data: bytes, content_type: str) -> Geo:
    """Read the answer of the first step."""
    fields = read_answer(data, content_type)
    address = fields.address("ExternalIpAddress")
    if address is None or address.is_unspecified:
        raise fields.fault("no_address", "it does not know our address: a proxy in the way hides it")
    return Geo(
        address,
        fields.url("KeyValue_EndpointFullUri"),
        fields.text("CountryCode", "", most=8),
        fields.text("Version", ""),
        fields.text("CompactVersion", ""),
        fields.text("CacheHost", ""),
        fields.text("CacheHostFlag", ""),
        fields.text("CacheId", ""),
    )


def parse_key_values(data: bytes, content_type: str) -> KeyValues:
    """Read the answer of the second step."""
    fields = read_answer(data, content_type)
    return KeyValues(
        fields.template("ContentPolicy_EndpointFullUri", CONTENT_ID),
        fields.template("Discovery_EndpointFullUri", CONTENT_ID),
    )


def parse_content_policy(data: bytes, content_type: str) -> ContentPolicy:
    """Read the answer of the third step."""
    fields = read_answer(data, content_type)
    policies = fields.inner("Policies")
    return ContentPolicy(
        fields.text("ContentId", "", most=MOST_CONTENT_ID),
        fields.digest("HashOfHashes"),
        fields.urls("PiecesHashFileCdnUrls"),
        fields.urls("ContentCdnUrls"),
        fields.switch("IsSecure"),
        fields.switch("IsInternal"),
        policies.number("ForegroundQosBps"),
        policies.number("BackgroundQosBps"),
        policies.number("MaxCacheAgeSecs"),
        policies.number("ExpireAtSecsSinceEpoch"),
        policies.number("DownloadToExpire"),
        fields.number("Rank"),
    )


def parse_discovery(data: bytes, content_type: str) -> Discovery:
    """Read the answer of the fourth step."""
    url = read_answer(data, content_type).url("CollectiveArray")
    return Discovery(url if url.endswith("/") else f"{url}/")


def parse_content_query(query: Mapping[str, str]) -> str:
    """Return the ``altCatalogId`` of a request, empty where there is none; UsageError for one that is too long."""
    return Fields(query, of_request).text("altCatalogId", "", most=LONGEST_URL)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
