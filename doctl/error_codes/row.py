"""What is known of one error code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code. ``area`` is the part that raises it; ``setting`` the policy that bears on it, empty where none does.

    ``cause`` and ``remedy`` are doctl's reading of the meaning, not Microsoft's words.
    """

    code: int
    area: str
    meaning: str
    cause: str
    remedy: str
    setting: str = ""

    def __str__(self) -> str:
        return f"0x{self.code:08X}"

    @property
    def signed(self) -> int:
        """The code as the negative decimal number that logs and PowerShell show."""
        return self.code - (1 << 32)
