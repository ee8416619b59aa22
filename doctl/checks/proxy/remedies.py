"""What to set in which proxy or server so that ranges come through: rows of data."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin

from doctl.net.proxies.route import destination
from doctl.printable import printable
from doctl.wire.range_faults import Reason
from doctl.wire.range_probes import Answer
from doctl.wire.urls import shown

PRODUCTS: Final = ("squid", "tinyproxy", "nginx", "varnish", "apache", "haproxy", "bluecoat", "zscaler", "iis", "envoy")
"""Words by which a Via or Server header names a product."""

AT_PROXY: Final[Mapping[Reason, str]] = {
    Reason.RANGE_IGNORED: "Let the proxy pass Range and If-Range on for {host}, and answer 206 with what was asked.",
    Reason.RANGE_WRONG: "Take {host} out of the proxy's cache, or update it: it sends another range than asked for.",
    Reason.RANGE_SHORT: "Raise or remove the proxy's limits on size and time for {host}, and do not scan it there.",
    Reason.RANGE_ENCODED: "Switch compression off in the proxy for {host}; the files are compressed already.",
    Reason.RANGE_JOINED: "Switch merging of ranges off in the proxy for {host}: each request wants its own range.",
    Reason.TOTAL_UNSTABLE: "Empty the proxy's cache of {host}, and stop it from changing files on the way.",
    Reason.VERSION_CHANGED: "Empty the proxy's cache of {host}, and let it pass ETag and If-Range unchanged.",
    Reason.CONTENT_ALTERED: "Take {host} out of what changes content in the proxy: filters, scanners, scripts.",
    Reason.AUTH_REQUIRED: "Let {host} through the proxy without credentials: the service asks as NetworkService.",
    Reason.FORBIDDEN: "Allow {host} in the proxy, for files of any size.",
    Reason.CAPTIVE_PORTAL: "Sign in to the network or the proxy, or exempt this machine from it.",
    Reason.TLS_INTERCEPTED: "Exempt {host} from TLS inspection: the service accepts Microsoft's own certificates only.",
    Reason.UNREACHABLE: "See that the proxy can be reached from here, and {host} from the proxy.",
    Reason.NOT_TESTABLE: "Give a URL that can be fetched, or more time: doctl proxy --timeout 30 URL",
}
"""What to do about a proxy whose product is not known.

``{host}`` is the host of the URL, ``{server}`` its scheme, host and port.
"""
AT_SERVER: Final[Mapping[Reason, str]] = {
    Reason.RANGE_IGNORED: "Let the server of {host} answer ranges with 206, and what is in front of it pass them on.",
    Reason.RANGE_WRONG: "Repair or update the server of {host}: it sends another range than asked for.",
    Reason.RANGE_SHORT: "Raise the limits of the server of {host} on size and time, and of firewalls on the way.",
    Reason.RANGE_ENCODED: "Switch compression off in the server of {host} for these files.",
    Reason.RANGE_JOINED: "Repair or update the server of {host}: one range was asked for.",
    Reason.TOTAL_UNSTABLE: "Let all servers behind {host} have one version of the file.",
    Reason.VERSION_CHANGED: "Let all servers behind {host} have one version of the file, with one ETag.",
    Reason.CONTENT_ALTERED: "Look for a firewall or a transparent proxy that changes content of {host}.",
    Reason.AUTH_REQUIRED: "Give a URL that needs no credentials: Delivery Optimization has none.",
    Reason.FORBIDDEN: "Allow this machine on the server of {host}, or give a URL that it may fetch.",
    Reason.CAPTIVE_PORTAL: "Sign in to the network; or give the URL to which the file has moved.",
    Reason.TLS_INTERCEPTED: "Exempt {host} from TLS inspection: the service accepts Microsoft's own certificates only.",
    Reason.UNREACHABLE: "doctl hosts --host {server} shows where the way ends.",
    Reason.NOT_TESTABLE: "Give a URL that can be fetched, or more time: doctl proxy --timeout 30 URL",
}
"""The same where it is the server, or something on the way that nobody set as a proxy."""

_SQUID_ACL: Final = "acl do dstdomain {host}"
SPECIFIC: Final[Mapping[tuple[str, Reason], str]] = {
    ("squid", Reason.RANGE_IGNORED): "squid.conf: no request_header_access Range deny; " + _SQUID_ACL + "; "
    "range_offset_limit 0 do; adaptation_access NAME deny do",
    ("squid", Reason.RANGE_SHORT): "squid.conf: " + _SQUID_ACL + "; range_offset_limit 0 do (none or a large value "
    "fetches the whole file first); reply_body_max_size none do",
    ("squid", Reason.RANGE_ENCODED): "squid.conf: " + _SQUID_ACL + "; adaptation_access NAME deny do",
    ("squid", Reason.CONTENT_ALTERED): "squid.conf: " + _SQUID_ACL + "; adaptation_access NAME deny do; cache deny do",
    ("squid", Reason.VERSION_CHANGED): "squid.conf: reply_header_access ETag allow all; " + _SQUID_ACL + "; "
    "cache deny do, or refresh_pattern without override-expire and ignore-reload",
    ("squid", Reason.TOTAL_UNSTABLE): "squid.conf: " + _SQUID_ACL + "; cache deny do",
    ("squid", Reason.RANGE_WRONG): "squid.conf: " + _SQUID_ACL + "; range_offset_limit 0 do; cache deny do",
    ("squid", Reason.AUTH_REQUIRED): "squid.conf, before the http_access line with proxy_auth: "
    + _SQUID_ACL
    + "; http_access allow do",
    ("squid", Reason.FORBIDDEN): "squid.conf, before http_access deny: " + _SQUID_ACL + "; http_access allow do; "
    "reply_body_max_size none do",
    ("squid", Reason.TLS_INTERCEPTED): "squid.conf: acl do ssl::server_name {host}; ssl_bump splice do",
    ("tinyproxy", Reason.FORBIDDEN): "tinyproxy.conf: Allow this machine's network, take {host} out of the Filter "
    "file, and ConnectPort 443 for https",
    ("tinyproxy", Reason.AUTH_REQUIRED): "tinyproxy.conf: no BasicAuth, with Allow for the machines' networks",
    ("tinyproxy", Reason.RANGE_SHORT): "tinyproxy.conf: raise Timeout",
    ("nginx", Reason.RANGE_IGNORED): "nginx.conf: remove max_ranges 0; where nginx is in front of the server: "
    "proxy_set_header Range $http_range; proxy_set_header If-Range $http_if_range; or slice with proxy_cache",
    (
        "nginx",
        Reason.RANGE_ENCODED,
    ): 'nginx.conf, for these files: gzip off; gunzip off; proxy_set_header Accept-Encoding "";',
    ("nginx", Reason.RANGE_SHORT): "nginx.conf: raise proxy_read_timeout and send_timeout, and see its error.log",
    ("nginx", Reason.VERSION_CHANGED): "nginx.conf: etag on; empty proxy_cache_path after a file was replaced; "
    "the servers behind it must give one ETag and date",
    ("nginx", Reason.FORBIDDEN): "nginx.conf: allow this machine's network, and see its error.log",
    ("apache", Reason.RANGE_IGNORED): "httpd.conf: MaxRanges default, and no RequestHeader unset Range",
    ("apache", Reason.RANGE_ENCODED): "httpd.conf, for these files: SetEnv no-gzip 1",
    ("varnish", Reason.RANGE_IGNORED): "varnishd -p http_range_support=on, and no unset req.http.Range in the VCL",
    ("varnish", Reason.RANGE_ENCODED): "varnishd -p http_gzip_support=off, or set beresp.do_gzip = false in the VCL",
    ("iis", Reason.RANGE_ENCODED): "Set-WebConfigurationProperty -Filter /system.webServer/urlCompression "
    "-Name doStaticCompression -Value $false",
    (
        "zscaler",
        Reason.TLS_INTERCEPTED,
    ): "Zscaler: add {host} to the SSL inspection policy with the action Do Not Inspect",
}
"""What to do where a header names the product."""


def remedy(reason: Reason, answer: Answer | None, url: str, *, by_proxy: bool) -> str:
    """Return what to do about ``reason``; ``by_proxy`` says that the proxy breaks it and not the server of ``url``."""
    general = AT_PROXY if by_proxy else AT_SERVER
    text = SPECIFIC.get((product(answer, by_proxy), reason), general[reason])
    host, server = printable(destination(url).host, 200), shown(urljoin(url, "/")).removesuffix("/")
    return text.replace("{host}", host).replace("{server}", server)


def product(answer: Answer | None, proxied: bool) -> str:
    """Return which product breaks it, or nothing where no header says.

    A proxy names itself in Via, and in Server where the answer is its own; a server does so in Server.
    """
    if answer is None:
        return ""
    own = not proxied or answer.status >= 400
    text = answer.headers.get("via", "") + (answer.headers.get("server", "") if own else "")
    return next((name for name in PRODUCTS if name in text.lower()), "")
