"""What to do about a port that is closed, as the exact command for this system; shown and never run."""

from collections.abc import Collection, Sequence
from typing import Final

from doctl.endpoints import Address
from doctl.net import commands
from doctl.net.firewall import Ruling, Verdict
from doctl.printable import printable

OPEN_7680: Final = {
    "ufw": "sudo ufw allow 7680/tcp",
    "firewalld": "sudo firewall-cmd --permanent --add-port=7680/tcp && sudo firewall-cmd --reload",
    "windows": "Enable-NetFirewallRule -Name DeliveryOptimization-TCP-In; where that rule is gone: New-NetFirewallRule "
    "-Name DeliveryOptimization-TCP-In -DisplayName 'Delivery Optimization (TCP-In)' -Direction Inbound -Action Allow "
    "-Protocol TCP -LocalPort 7680 -Program %SystemRoot%\\System32\\svchost.exe -Service DoSvc",
    "socketfilterfw": "sudo /usr/libexec/ApplicationFirewall/socketfilterfw --setblockall off",
    "pf": "Add to /etc/pf.conf: pass in proto tcp to any port 7680; then: sudo pfctl -f /etc/pf.conf",
}
ABOVE_THE_KERNEL: Final = ("ufw", "firewalld")
"""Tools that write the kernel's rules anew; what is changed below them is lost."""
START_SERVICE: Final = "Start-Service DoSvc; if nobody listens then, see that DODownloadMode is 1, 2 or 3"
SHARE: Final = "Delivery Optimization is part of Windows; here, doctl serve FILE shares content on 7680"


def open_port(rulings: Sequence[Ruling], in_the_way: Collection[Verdict] = (Verdict.BLOCKED,)) -> str:
    """Return the command that lets peers in past the first of ``rulings`` that is ``in_the_way``, if one is."""
    guilty = [ruling for ruling in rulings if ruling.verdict in in_the_way]
    guilty.sort(key=lambda ruling: ruling.tool not in ABOVE_THE_KERNEL)
    return _command(guilty[0]) if guilty else ""


def _command(ruling: Ruling) -> str:
    where = printable(ruling.where, 200)
    if ruling.tool == "nftables":
        return f"sudo nft insert rule {where or 'inet filter input'} tcp dport 7680 accept"
    if ruling.tool == "iptables":
        table, _, chain = (where or "filter INPUT").partition(" ")
        rule = f"-t {table} -I {chain} -p tcp --dport 7680 -j ACCEPT"
        return f"sudo iptables {rule} && sudo ip6tables {rule}"
    return OPEN_7680.get(ruling.tool, "")


def listen(platform: str) -> str:
    """Return how to have somebody listen on 7680."""
    return START_SERVICE if platform == "win32" else SHARE


def with_rights(platform: str) -> str:
    """Return how to run the check as somebody who may read the rules, with the time that Windows takes for them."""
    return "As administrator, run: doctl ports --timeout 60" if platform == "win32" else "sudo doctl ports"


def of_target(remedy: str, target: Address, platform: str) -> str:
    """Put the host, the port and this system's commands about them into ``remedy``."""
    host = printable(target.host, 255)
    return remedy.format(
        host=host,
        port=target.port,
        target=printable(str(target), 270),
        look_up=commands.look_up(host, platform),
        trace=commands.trace(host, platform),
    )
