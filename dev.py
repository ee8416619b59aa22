#!/usr/bin/env python3
"""Sets doctl up in .venv beside this file, then runs what a developer runs; needs nothing but Python.

    python3 dev.py demo     the demonstration: everything on loopback, ends by itself
    python3 dev.py test     the tests; as root on Debian it first installs the programs they need
    python3 dev.py check    lint, format, types, import contracts, generated files, links of the documentation
    python3 dev.py bench    the benchmarks
    python3 dev.py docs     write the generated files anew: completions, JSON schemas, the table of figures

What follows demo, test or bench is handed on: python3 dev.py test -k swarm
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python shall get one line, not a traceback
    sys.exit("dev.py: needs Python 3.11 or newer, and this is {}.{}".format(*sys.version_info))

import tomllib

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / ".set-up-for"
CHECKS = [
    ["-m", "ruff", "check"],
    ["-m", "ruff", "format", "--check"],
    ["-m", "mypy"],
    ["-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo"],
    ["-m", "pytest", "-q", "tests/test_generated.py", "tests/test_docs.py"],
]
COMPLETIONS = {"doctl.bash": "bash", "_doctl": "zsh", "doctl.fish": "fish", "doctl.ps1": "powershell"}
FIRST_TAB = """
# loaded by the first TAB: that one is to count too
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _doctl_completion "$@"; fi
"""
WORKERS = min((os.cpu_count() or 1) + 1, 8)
SCHEMAS = ["report", "fetch", "explain"]


def main() -> int:
    """Do what the command line says and return the exit code."""
    task, *arguments = sys.argv[1:] or ["--help"]
    if task not in TASKS or (arguments and task in {"check", "docs"}):
        right = task in {"-h", "--help"}
        print(__doc__, file=sys.stdout if right else sys.stderr)
        return 0 if right else 2
    set_up()
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the program that runs: it tidies up and ends
    return TASKS[task](arguments)


def demo(arguments: list[str]) -> int:
    """Run the demonstration."""
    return run("-m", "doctl", "demo", *arguments)


def test(arguments: list[str]) -> int:
    """Run the tests, a few files at a time: most of them wait for something."""
    provide(lacking())
    return run("-m", "pytest", "--numprocesses", str(WORKERS), *arguments)


def check(arguments: list[str]) -> int:
    """Run all that judges the code without running it much; says at the end which steps failed."""
    failed = [step for step in CHECKS if run(*step)]
    for step in failed:
        say(f"failed: {' '.join(step)}")
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    """Run the benchmarks, with the rivals that come from the package index; ``links`` is giving way, on every link."""
    provide(lacking())
    install("--group", "bench")
    if arguments[:1] == ["links"]:
        return run("-m", "benchmarks.background", *arguments[1:])
    return run("-m", "benchmarks", *arguments)


def docs(arguments: list[str]) -> int:
    """Write the generated files."""
    for path, text in generated(PYTHON).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return 0


TASKS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "test": test,
    "check": check,
    "bench": bench,
    "docs": docs,
}


def generated(python: Path) -> dict[Path, str]:
    """Return the text of each generated file, as the doctl of ``python`` has it now."""

    def ask(*arguments: str, **environment: str) -> str:
        command = [str(python), "-m", "doctl", *arguments]
        said = subprocess.check_output(command, env=os.environ | environment, encoding="utf-8")
        return said.strip() + "\n"

    scripts = {HERE / "completions" / name: ask(_DOCTL_COMPLETE=f"source_{sh}") for name, sh in COMPLETIONS.items()}
    scripts[HERE / "completions" / "_doctl"] += FIRST_TAB
    scripts |= {HERE / "docs" / "schema" / f"{name}.json": ask("schema", name) for name in SCHEMAS}
    for name, module in {"performance": "benchmarks.table", "background": "benchmarks.background_table"}.items():
        page = subprocess.check_output([python, "-m", module], cwd=HERE, encoding="utf-8")
        scripts[HERE / "docs" / f"{name}.md"] = page
    return scripts


def say(what: str) -> None:
    """Tell the developer."""
    print(f"dev.py: {what}", flush=True)


def run(*arguments: str) -> int:
    """Run .venv's Python in the project's folder and return its exit code."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # every doctl that a test or benchmark starts would compile itself anew
    return subprocess.run([PYTHON, *arguments], cwd=HERE, env=environment, check=False).returncode


# .venv


def set_up() -> None:
    """Make .venv, or bring it up to date when pyproject.toml has changed."""
    wanted = hashlib.sha256(bytes(HERE) + (HERE / "pyproject.toml").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted and PYTHON.exists():
        return
    say("setting up .venv (a minute or so the first time)")
    make_venv()
    install("--upgrade", "pip>=25.1")  # the first that knows --group
    install("--group", "dev", "--editable", ".")
    STAMP.write_text(wanted)


def make_venv() -> None:
    """Make .venv; harmless where there is one."""
    package = f"python3.{sys.version_info.minor}-venv"
    if importlib.util.find_spec("ensurepip") is None:
        provide({"ensurepip": package})
    if subprocess.run([sys.executable, "-m", "venv", VENV], check=False, stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"dev.py: Python could not make .venv; on Debian and Ubuntu it needs: apt install {package}")


def install(*what: str) -> None:
    """Let .venv's pip install something."""
    if run("-m", "pip", "--quiet", "--disable-pip-version-check", "install", *what):
        sys.exit("dev.py: pip could not install what doctl needs; its reason is above")


# Debian's packages


def lacking() -> dict[str, str]:
    """Return the programs that tests need and this machine lacks, each with the Debian package that has it."""
    needs: dict[str, str] = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]["dev"]["debian"]
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return {program: package for program, package in needs.items() if not shutil.which(program, path=places)}


def provide(packages: dict[str, str]) -> None:
    """Install ``packages`` (by program) where that can be done: with apt-get, as root; else say what is lacking."""
    names = " ".join(sorted(set(packages.values())))
    if not packages or not shutil.which("apt-get"):
        return
    if os.geteuid():
        say(f"lacking here; to have them: apt install {names}")
        return
    say(f"installing {names}")
    with no_services():
        done = apt_get("update") and apt_get("install", "--no-install-recommends", *names.split())
    units = [program for program in packages if Path(f"/lib/systemd/system/{program}.service").exists()]
    if done and units:  # nor shall they start with the machine
        subprocess.run(["systemctl", "--quiet", "disable", *units], check=False, capture_output=True)


def apt_get(*arguments: str) -> bool:
    """Run apt-get and say whether it worked; what it prints is shown only if it did not."""
    command = ["apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=120", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        say(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return not done.returncode


@contextlib.contextmanager
def no_services() -> Iterator[None]:
    """Keep packages from starting what they install, by a policy of ours for the time; see invoke-rc.d(8)."""
    policy = Path("/usr/sbin/policy-rc.d")
    aside = policy.with_name("policy-rc.d.before-doctl")
    if policy.exists() and not aside.exists():  # one that is there was left by a run that was killed
        policy.rename(aside)
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
        if aside.exists():
            aside.rename(policy)


if __name__ == "__main__":
    sys.exit(main())
