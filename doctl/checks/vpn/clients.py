"""Known VPN clients, and adapters that only look like a VPN, as rows of data.

Words are compared with the driver's description first, without regard to case. A word comes from a driver's INF file,
its source or the output of ``ipconfig /all``, ``route print`` or ``Get-NetAdapter``; tests/checks/vpn_inventory.json
says which.
"""

import re
from dataclasses import dataclass
from typing import Final

from doctl.net.adapters import Kind


@dataclass(frozen=True, slots=True)
class Client:
    """A VPN client: its vendor or product, words of its adapter's description, and how its adapter is named.

    ``seen`` is False where only the product's name is known and no adapter of it was seen.
    """

    name: str
    words: tuple[str, ...]
    adapter_name: re.Pattern[str] | None = None
    seen: bool = True


@dataclass(frozen=True, slots=True)
class NotVpn:
    """What looks like a VPN and is none: what it is, words of its description, and how its adapter is named."""

    what: str
    words: tuple[str, ...] = ()
    adapter_name: re.Pattern[str] | None = None


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


CLIENTS: Final[tuple[Client, ...]] = (
    Client("Cisco AnyConnect", ("AnyConnect", "Cisco Secure Client"), _named(r"cscotun\d+")),
    Client("Cisco VPN Client", ("Cisco Systems VPN Adapter",)),
    Client("Palo Alto GlobalProtect", ("PANGP", "GlobalProtect"), _named(r"gpd\d+")),
    Client("Fortinet FortiClient", ("Fortinet", "FortiClient"), _named(r"fctvpn\w*")),
    Client("Ivanti (Pulse Secure, Juniper)", ("Juniper Networks Virtual Adapter", "Pulse Secure", "Ivanti")),
    Client("Check Point", ("Check Point Virtual Network Adapter", "Check Point VPN")),
    Client("Zscaler", ("Zscaler",), _named(r"zcctun\d+")),
    Client("F5 BIG-IP", ("F5 Networks VPN",)),
    Client("Citrix Secure Access", ("Citrix Virtual Adapter", "Citrix Gateway")),
    Client("SonicWall", ("SonicWALL",)),
    Client("Sophos", ("Sophos TAP Adapter", "Sophos SSL VPN")),
    Client("NCP Secure Client", ("NCP Secure Client",)),
    Client("Array Networks", ("Array Networks SSL VPN",)),
    Client("Sangfor", ("Sangfor SSL VPN",)),
    Client("Kerio", ("Kerio Virtual Network",), _named(r"kvnet")),
    Client("Shrew Soft", ("Shrew Soft Virtual Adapter",)),
    Client("NordVPN", ("NordLynx", "NordVPN"), _named(r"nordlynx|nordtun")),
    Client("Proton VPN", ("ProtonVPN", "Proton VPN"), _named(r"proton\d+")),
    Client("Mullvad", ("Mullvad",), _named(r"wg\d*-mullvad")),
    Client("ExpressVPN", ("ExpressVPN",)),
    Client("Surfshark", ("Surfshark",), _named(r"surfshark_\w+")),
    Client("Windscribe", ("Windscribe",)),
    Client("Private Internet Access", ("Private Internet Access",), _named(r"wgpia\d+")),
    Client("HMA", ("HMA TAP-Windows",)),
    Client("Hotspot Shield", ("AnchorFree",)),
    Client("TunnelBear", ("TunnelBear",)),
    Client("LogMeIn Hamachi", ("Hamachi",), _named(r"ham\d+")),
    Client("Radmin VPN", ("Radmin VPN",)),
    Client("SoftEther", ("VPN Client Adapter", "SoftEther"), _named(r"vpn_\w+")),
    Client("Cloudflare WARP", ("Cloudflare WARP",), _named(r"CloudflareWARP")),
    Client("Tailscale", ("Tailscale",), _named(r"tailscale\d*")),
    Client("ZeroTier", ("ZeroTier",), _named(r"zt[0-9a-z]{8,}")),
    *(
        Client(name, (name,), seen=False)
        for name in (
            "Appgate",
            "Barracuda",
            "Cato Networks",
            "CyberGhost",
            "Firezone",
            "IPVanish",
            "NetBird",
            "NetMotion",
            "Netskope",
            "Norton VPN",
            "Perimeter 81",
            "Pritunl",
            "PureVPN",
            "SecureLine",
            "Twingate",
            "Viscosity",
            "VyprVPN",
            "WatchGuard",
        )
    ),
    Client("OpenVPN", ("OpenVPN", "TAP-Windows", "TAP-Win32", "TAP Adapter"), _named(r"ovpn\w*")),
    Client("WireGuard", ("WireGuard", "Wintun", "AmneziaWG"), _named(r"wg\d+")),
)

KINDS_OF_NAMES: Final = (
    (_named(r"(tun|utun|ipsec|xfrm|vti|gre|ipip)\d+"), Kind.TUNNEL),
    (_named(r"ppp\d+"), Kind.PPP),
)
"""What Unix names say of an adapter of which nothing else is known."""

NOT_VPN: Final[tuple[NotVpn, ...]] = (
    NotVpn("Teredo", ("Teredo",), _named(r"teredo")),
    NotVpn("6to4", ("6to4",), _named(r"6to4|tun6to4|6rd\S*")),
    NotVpn("ISATAP", ("ISATAP",), _named(r"is\d+|isatap\S*")),
    NotVpn("IP-HTTPS", ("IP-HTTPS", "iphttps"), _named(r"iphttps\S*")),
    NotVpn("part of Windows' dial-up service; a connection shows as an adapter of its own", ("WAN Miniport",)),
    NotVpn("part of Windows' dial-up service", ("RAS Async Adapter",)),
    NotVpn("Hyper-V, WSL or a Windows container", ("Hyper-V", "vEthernet"), _named(r"vEthernet .*")),
    NotVpn("VirtualBox", ("VirtualBox",), _named(r"vboxnet\d+")),
    NotVpn("VMware", ("VMware",), _named(r"vmnet\d+|vmenet\d+")),
    NotVpn("Parallels", ("Parallels",), _named(r"vnic\d+")),
    NotVpn("Docker or another container network", ("Docker",), _named(r"docker\S*|br-[0-9a-f]{12}|cni\S*|podman\d+")),
    NotVpn("a network of Kubernetes", (), _named(r"flannel\S*|cali\S*|cilium\S*|kube\S*|weave|antrea\S*")),
    NotVpn("a virtual machine's or container's cable", (), _named(r"veth\S*|vnet\d+|virbr\S*|lx[cd]br\d+")),
    NotVpn("an unused template that the kernel makes", (), _named(r"(sit|tunl|gre|gretap|erspan|ip6tnl|ip6gre)0")),
    NotVpn("an unused template that the kernel makes", (), _named(r"ip6?_vti0")),
    NotVpn("Bluetooth", ("Bluetooth",), _named(r"bnep\d+|pan\d+")),
    NotVpn("loopback", ("Loopback",), _named(r"lo\d*")),
    NotVpn("a packet capture driver", ("Npcap",)),
    NotVpn("Wi-Fi Direct or a hosted network", ("Wi-Fi Direct", "Hosted Network"), _named(r"awdl\d+|llw\d+|p2p\S*")),
    NotVpn("a debugger's adapter", ("Kernel Debug",)),
    NotVpn("a team or bridge of adapters", ("Multiplexor", "MAC Bridge"), _named(r"bond\d+|team\d+|bridge\d+|br\d+")),
    NotVpn("a tethered telephone", ("Remote NDIS", "Apple Mobile Device"), _named(r"rndis\d+|ap\d+")),
    NotVpn("a memory card's controller", ("Secure Digital",)),
    NotVpn("dial-up or PPPoE to an Internet provider", ("PPPoE", "Broadband", "Modem"), _named(r"pppoe\S*|wwan\d+")),
    NotVpn("a tunnel of macOS that nobody uses", (), _named(r"gif0|stf0")),
)
"""The first row that fits decides, before any known client."""
