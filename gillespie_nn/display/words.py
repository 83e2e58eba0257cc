"""Numbers in sentences."""


def counted(n: int, noun: str) -> str:
    """`1 path`, `2 paths`: a number and the noun in singular or plural."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
