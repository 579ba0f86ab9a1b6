"""Bounds of settings. Each error names the key, its value and what is allowed."""


def check_bounds(
    name: str,
    value: float,
    *,
    low: float = float("-inf"),
    high: float = float("inf"),
    above: float = float("-inf"),
    below: float = float("inf"),
) -> None:
    """Refuse what is out of bounds.

    Args:
        name: The key.
        value: What it says.
        low: The least allowed.
        high: The most allowed.
        above: What it must exceed.
        below: What it must fall short of.

    Raises:
        ValueError: Naming the key, its value and what is allowed.
    """
    if not (low <= value <= high and above < value < below):
        bounds = [
            text
            for text, bound in (
                (f"at least {low:g}", low),
                (f"at most {high:g}", high),
                (f"above {above:g}", above),
                (f"below {below:g}", below),
            )
            if abs(bound) != float("inf")
        ]
        raise ValueError(f"{name} is {value}; allowed {', '.join(bounds)}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse what is not among the choices; raises as `check_bounds`."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; allowed {', '.join(choices)}")
