"""The machine's limits, measured in the same run by a small C program."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from kernel.rows import Row

SOURCE = Path(__file__).with_name("ceilings.c")
_MEBIBYTES = 512


def measure(launcher: tuple[str, ...]) -> dict[str, float]:
    """Compile and run it with one thread and with all.

    Args:
        launcher: Words before the command.

    Returns:
        "read 1T", "read all" in GB/s and, with AVX-512 VNNI, "vnni 1T", "vnni all" in
        Gop/s; empty without a C compiler.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return {}
    found = {}
    with tempfile.TemporaryDirectory() as name:
        program = Path(name, "ceilings")
        flags = ["-O3", "-march=native", "-pthread", str(SOURCE), "-o", str(program)]
        subprocess.run([compiler, *flags], check=True)
        for label, threads in (("1T", 1), ("all", os.cpu_count() or 1)):
            run = [*launcher, str(program), str(threads), str(_MEBIBYTES)]
            text = subprocess.run(run, check=True, capture_output=True, text=True).stdout
            for line in text.splitlines():
                what, _, value = line.partition(" ")
                found[f"{what} {label}"] = float(value)
    return found


def read_share(row: Row, limits: dict[str, float]) -> float | None:
    """How much of the read bandwidth a row used, where both are known."""
    return _share(row.read_rate, limits.get("read 1T" if row.is_alone else "read all"))


def multiply_share(row: Row, limits: dict[str, float]) -> float | None:
    """How much of VNNI's peak a row would have used had it multiplied everything."""
    return _share(row.multiply_rate, limits.get("vnni all"))


def _share(rate: float | None, limit: float | None) -> float | None:
    return None if rate is None or limit is None else rate / limit
