"""The commands with which a user tries the same thing on this system; shown in remedies and never run."""


def look_up(name: str, platform: str) -> str:
    """Return the command that looks ``name`` up as programs do; ``platform`` is as ``sys.platform`` has it."""
    command = {"win32": "Resolve-DnsName", "linux": "getent ahosts"}.get(platform, "host")
    return f"{command} {name}"


def trace(host: str, platform: str) -> str:
    """Return the command that shows the way to ``host``."""
    return f"{'tracert' if platform == 'win32' else 'traceroute'} {host}"
