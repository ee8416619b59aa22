"""What the system keeps of files in its page cache."""

import ctypes
import mmap
from pathlib import Path


def pages_kept(path: Path) -> list[bool]:
    """Tell of each page of a file whether it is in the page cache (mincore, which reads nothing)."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        kept = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        start = ctypes.c_char.from_buffer(mapped)
        try:
            if ctypes.CDLL(None, use_errno=True).mincore(ctypes.byref(start), ctypes.c_size_t(len(mapped)), kept):
                raise OSError(ctypes.get_errno(), "mincore")
        finally:
            del start
        return [bool(page & 1) for page in kept]
