"""A Typer application of two commands and nothing else: the least that a ``--help`` of Typer's takes."""

import typer

app = typer.Typer()


@app.command()
def one(name: str) -> None:
    """Do one thing."""


@app.command()
def two(name: str) -> None:
    """Do another."""


if __name__ == "__main__":
    app()
