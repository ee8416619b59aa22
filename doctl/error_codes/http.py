"""The codes of HTTP: ranges, sizes and certificates (0x80D05xxx)."""

from typing import Final

from doctl.error_codes.row import ErrorCode

ROWS: Final = (
    ErrorCode(
        0x80D05001,
        "http",
        "The server sent another amount than was asked for.",
        "The usual sign of a proxy or firewall that breaks byte ranges: it answers with the whole file, a part too "
        "short, or another part.",
        "doctl proxy URL tells which of these it is and names the proxy's setting. Or send the content hosts past it, "
        "direct.",
    ),
    ErrorCode(
        0x80D05002,
        "http",
        "The server's certificate was not accepted.",
        "TLS inspection shows its own certificate, the clock is wrong, or root certificates are missing. The service's "
        "hosts are pinned: a trusted company CA does not help.",
        "doctl hosts shows who issued what was presented. Exempt *.do.dsp.mp.microsoft.com and "
        "*.delivery.mp.microsoft.com from inspection; check the clock: w32tm /query /status",
    ),
    ErrorCode(
        0x80D05010,
        "http",
        "A byte range is not valid.",
        "The range asked for lies past the end of the file, often because the file on the server is not the one that "
        "the metadata describes.",
        "Clear caches in between for this file and repeat; doctl proxy URL shows whether totals differ through the "
        "proxy and directly.",
    ),
    ErrorCode(
        0x80D05011,
        "http",
        "The server does not support byte ranges.",
        "The content server has them switched off (nginx: max_ranges 0), or a proxy takes the Range header out.",
        "doctl proxy URL compares through the proxy and directly, so it shows whose doing it is. Switch ranges on "
        "there.",
    ),
    ErrorCode(
        0x80D05012,
        "http",
        "Byte ranges overlap.",
        "The program asked for the same bytes twice in one job.",
        "A fault of the program that asked: update it.",
    ),
)
