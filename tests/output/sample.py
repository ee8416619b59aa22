"""A report with everything in it that a format may meet: all statuses, IPv6, other scripts, hostile text."""

from doctl.report import Finding, Host, Report, Status, Tool

HOSTILE = (
    "\x1b[31mred\x07 <script>alert(1)</script> ]]> & \"quoted\" 'so' | `x` ::error::%0A ##vso[x]\r\n"
    "\u202egnp.exe\ud800\x00\ufffe"
)

PORTS = (
    Finding(
        "ports.7680.listener",
        "peers",
        "0.0.0.0:7680",
        Status.PASS,
        "open",
        "svchost.exe (DoSvc, process 4312) listens on every address.",
        {"process": "svchost.exe", "pid": 4312, "addresses": ["0.0.0.0", "::"]},
        duration_s=0.02,
    ),
    Finding(
        "ports.7680.firewall",
        "peers",
        "7680/tcp",
        Status.FAIL,
        "blocked_by_local_firewall",
        "No rule of the active profile lets TCP 7680 in, and what no rule names is blocked.",
        {"firewall": "windows", "profile": "Domain", "default_inbound": "Block"},
        "New-NetFirewallRule -DisplayName 'Delivery Optimization (TCP-In)' -Direction Inbound -Protocol TCP "
        "-LocalPort 7680 -Action Allow",
        "https://learn.microsoft.com/windows/deployment/do/waas-delivery-optimization-faq",
        0.41,
    ),
    Finding(
        "ports.7680.outbound",
        "peers",
        "192.0.2.7:7680",
        Status.FAIL,
        "filtered",
        "Nothing answered within 5 s: something on the way drops TCP 7680.",
        {"address": "192.0.2.7", "family": "ipv4", "timeout_s": 5},
        "Let TCP 7680 through between 10.0.0.0/24 and 192.0.2.0/24 on the firewall in between.",
        duration_s=5.001,
    ),
    Finding(
        "ports.7680.outbound",
        "peers",
        "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:7680",
        Status.PASS,
        "open",
        "Connected; the answer is a Delivery Optimization handshake.",
        {"address": "2001:db8:85a3:8d3:1319:8a2e:370:7348", "family": "ipv6", "rtt_ms": 0.8},
        duration_s=0.012,
    ),
    Finding(
        "ports.7680.inbound",
        "peers",
        "",
        Status.SKIP,
        "no_reflector",
        "Nobody outside was asked to connect back: no --reflector was given.",
        remedy="doctl ports --reflector https://coordinator.example:8443",
    ),
    Finding(
        "ports.443.service",
        "service",
        "geo.prod.do.dsp.mp.microsoft.com:443",
        Status.UNKNOWN,
        "dns_failed",
        "The name was not resolved within 5 s, so the port could not be tried.",
        {"host": "geo.prod.do.dsp.mp.microsoft.com"},
        "Resolve-DnsName geo.prod.do.dsp.mp.microsoft.com",
        duration_s=5.0,
    ),
)

OTHERS = (
    Finding(
        "proxy.range",
        "proxy",
        "http://dl.delivery.mp.microsoft.com/filestreamingservice/files/52fa8751-747d-479d-8f22-e32730cc0eb1",
        Status.FAIL,
        "range_ignored",
        "The proxy answered a request for one byte with 200 and the whole file.",
        {"proxy": "http://10.0.0.3:3128", "status_code": 200, "content_range": None, "etag": '"abc"', "via": "1.1 prx"},
        "squid.conf: range_offset_limit 0, and no quick_abort rule that fetches the rest",
        duration_s=0.2,
    ),
    Finding(
        "vpn.adapter",
        "vpn",
        "Ethernet 2 → Büro 東京",
        Status.WARN,
        "missed_by_keywords",
        "This is a VPN (Cisco AnyConnect), but no keyword of Windows matches: peering goes on inside the tunnel.",
        {"is_vpn": True, "do_is_vpn": False, "evidence": ["driver vpnva", "type 53"]},
        "DOVpnKeywords = VPN,Secure,Virtual Private Network,AnyConnect",
        duration_s=0.03,
    ),
    Finding(
        "hosts.reach",
        "hosts",
        HOSTILE,
        Status.WARN,
        "tls_intercepted",
        f"The issuer is not who it should be: {HOSTILE}",
        {HOSTILE: HOSTILE, "nested": [{"deep": [HOSTILE, 1, None, True]}], "ratio": float("inf")},
        f"Exempt the host from inspection; {HOSTILE}",
        f"https://example.com/?q={HOSTILE}",
        0.3,
    ),
    Finding("hosts.reach", "hosts", "emdl.ws.microsoft.com", Status.SKIP, "retired", "The name is no longer in DNS."),
    Finding(
        "hosts.reach",
        "hosts",
        "download.windowsupdate.com:80",
        Status.PASS,
        "ok",
        "Resolved, connected, answered with HTTP 200.",
        {"addresses": ["198.51.100.4", "2001:db8::4"], "cname": ["a.example", "b.example"]},
        duration_s=0.09,
    ),
)

FULL = Report(
    tool=Tool("doctl", "0.1.0"),
    command="check",
    host=Host("PC-Zürich\x1b]0;owned\x07", "Windows-11-10.0.26100"),
    started="2026-01-31T12:00:00Z",
    duration_s=5.0123,
    findings=PORTS + OTHERS,
)
GOOD = Report(FULL.tool, "ports", Host("pc-7", "Linux-6.1"), FULL.started, 0.04, (PORTS[0], PORTS[3]))
EMPTY = Report(FULL.tool, "ports", Host("pc-7", "Linux-6.1"), FULL.started, 0.0, ())
