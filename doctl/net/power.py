"""Whether the machine runs on its battery."""


def battery() -> float | None:
    """Return the battery's percent while the machine runs on it; None on mains, or where the system does not tell."""
    import psutil  # noqa: PLC0415 - slow to load

    read = getattr(psutil, "sensors_battery", None)  # some systems lack it
    state = read() if read else None
    return float(state.percent) if state is not None and state.power_plugged is False else None
