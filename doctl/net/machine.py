"""What the machine itself has: power, memory, disks."""

from pathlib import Path


def battery() -> float | None:
    """Return the battery's percent while the machine runs on it; None on mains, or where the system does not tell."""
    import psutil  # noqa: PLC0415 - slow to load

    read = getattr(psutil, "sensors_battery", None)  # some systems lack it
    try:
        state = read() if read else None
    except (OSError, ValueError, RuntimeError):  # one that was taken out just now
        return None
    return float(state.percent) if state is not None and state.power_plugged is False else None


def memory() -> int | None:
    """Return how many bytes of memory there are, None where the system does not tell."""
    import psutil  # noqa: PLC0415 - slow to load

    try:
        return int(psutil.virtual_memory().total)
    except (OSError, RuntimeError):
        return None


def disk_size(folder: Path) -> int | None:
    """Return how many bytes the disk of ``folder`` holds, None where the system does not tell."""
    import psutil  # noqa: PLC0415 - slow to load

    try:
        return int(psutil.disk_usage(str(folder)).total)
    except OSError:
        return None
