"""``doctl explain``: says what an error code of Delivery Optimization means and what to do about it."""

import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated, Final

import typer

from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.results import ResultFormat, ResultFormatOption, ResultOutputOption, as_json
from doctl.errors import DoctlError

if TYPE_CHECKING:
    from doctl.error_codes.row import ErrorCode

SCHEMA: Final = "doctl.explain/1"
CONTEXT: Final = {"ignore_unknown_options": True}
"""A negative code begins like an option."""


def command(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Like 0x80D02002, 80d02002 or -2133843966.")],
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
) -> int:
    """Explain an error code and what to do about it."""
    row = _found(code)
    put(as_json(as_object(row)) if wanted is ResultFormat.JSON else _as_text(row, _width()), output)
    return Exit.PASSED


def _found(text: str) -> "ErrorCode":
    from doctl import error_codes

    code = error_codes.parse(text)
    if row := error_codes.find(code):
        return row
    near = error_codes.nearest(code)
    hint = (
        f"did you mean {near} ({near.meaning.rstrip('.')})?"
        if near
        else f"its codes begin with 0x80D0; of others Windows says more: certutil -error 0x{code:08X}"
    )
    raise DoctlError(f"0x{code:08X} is not a known code of Delivery Optimization; {hint}")


def as_object(row: "ErrorCode") -> dict[str, object]:
    """Return a code as JSON values, with the promised keys."""
    return {
        "schema": SCHEMA,
        "code": str(row),
        "decimal": row.signed,
        "area": row.area,
        "meaning": row.meaning,
        "cause": row.cause,
        "setting": row.setting or None,
        "remedy": row.remedy,
    }


def _width() -> int:
    return min(max(shutil.get_terminal_size().columns, 40), 100)


def _as_text(row: "ErrorCode", width: int) -> str:
    parts = {"meaning": row.meaning, "cause": row.cause, "setting": row.setting, "remedy": row.remedy}
    lines = [f"{row}  {row.area}  ({row.signed})"]
    lines += [_paragraph(name, text, width) for name, text in parts.items() if text]
    return "\n".join([*lines, ""])


def _paragraph(name: str, text: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=f"  {name:8} ",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )
