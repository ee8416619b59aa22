"""Runs a PAC script for one URL, in a process of its own: JSON on standard input, JSON on standard output.

The script is not ours: it has limits of time, memory and stack, sees nothing but strings, and whoever started this
process ends it when even those do not hold.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 1.0
MEMORY: Final = 16 << 20
STACK: Final = 256 << 10
LONGEST_RESULT: Final = 10_000
MOST_NAMES: Final = 100
FINDERS: Final = ("FindProxyForURLEx", "FindProxyForURL")
"""The functions a script may define; Windows prefers the first."""
_FAULTS: Final = (
    ("interrupted", f"ran longer than {SECONDS:g} s"),
    ("out of memory", f"wanted more than {MEMORY >> 20} MiB of memory"),
    ("call stack", "calls itself without end"),
)


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Run ``task`` (``script``, ``url``, ``host``, and the ``facts`` of pac.js) and return what came of it.

    That is ``result`` (what the script returned, a text or None) or ``error``, and ``unknown``: names it wanted
    resolved.
    """
    import quickjs  # noqa: PLC0415 - a broken installation is told like any other failure

    context = quickjs.Context()
    context.set_memory_limit(MEMORY)
    context.set_max_stack_size(STACK)
    context.set_time_limit(SECONDS)
    install = context.eval(Path(__file__).with_name("pac.js").read_text(encoding="utf-8"))
    unknown = install(context.globalThis, context.parse_json(json.dumps(task["facts"])))
    try:
        answer = _answer(context, task)
    except (quickjs.JSException, quickjs.StackOverflow) as error:
        answer = {"error": _fault(str(error))}
    except UnicodeError:
        answer = {"error": "returned a text that is none"}
    return {**answer, "unknown": unknown().split()[:MOST_NAMES]}


def _answer(context: Any, task: dict[str, Any]) -> dict[str, Any]:
    context.eval(task["script"])
    finder = next((name for name in FINDERS if context.eval(f"typeof {name}") == "function"), None)
    if finder is None:
        return {"error": "defines no function FindProxyForURL"}
    result = context.eval(finder)(task["url"], task["host"])
    if result is not None and not isinstance(result, str):
        return {"error": "returned something that is no text"}
    if result is not None and len(result) > LONGEST_RESULT:
        return {"error": f"returned more than {LONGEST_RESULT} characters"}
    return {"result": result}


def _fault(message: str) -> str:
    """Return what the engine's message means; of the script's own errors the first line."""
    first = message.partition("\n")[0]
    known = next((text for part, text in _FAULTS if part in first), None)
    return known or f"failed: {first[:200]}"


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
