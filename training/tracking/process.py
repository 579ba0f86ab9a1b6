"""Which process writes a run: so that a killed one can be told from a slow one.

A process is named by the boot of its machine, its namespace of process ids, its id
and the moment it started. Whoever shares boot and namespace can tell for certain
whether it is gone; nobody else can, and then it counts as running.
"""

import os
from pathlib import Path

_PROC = Path("/proc")
_BOOT_ID = _PROC / "sys" / "kernel" / "random" / "boot_id"
_GONE_STATES = {"Z", "X", "x"}


def process_name(pid: int | None = None) -> str | None:
    """Name a process of this machine, by default this one; None if it is gone.

    None also where the operating system has no `/proc` to read this from.
    """
    pid = os.getpid() if pid is None else pid
    try:
        place = f"{_BOOT_ID.read_text('ascii').strip()} {(_PROC / 'self/ns/pid').readlink()}"
        # The name in parentheses may hold anything; fields are counted after it.
        fields = (
            (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        )
    except OSError:
        return None
    state, start_ticks = fields[0], fields[19]
    return None if state in _GONE_STATES else f"{place} {pid} {start_ticks}"


def is_gone(name: str) -> bool:
    """Say whether a process is provably not running any more.

    Args:
        name: As `process_name` gave it, on whatever machine.
    """
    own = process_name()
    if own is None:
        return False
    parts, own_parts = name.split(" "), own.split(" ")
    if len(parts) != len(own_parts) or parts[:2] != own_parts[:2] or not parts[2].isdecimal():
        return False
    return process_name(int(parts[2])) != name
