"""Options that are told yes or no by a word, as in `--exclude-train false`."""

import enum


class TrueOrFalse(enum.StrEnum):
    """What such an option takes."""

    TRUE = "true"
    FALSE = "false"

    @property
    def is_true(self) -> bool:
        """Whether yes was said."""
        return self is TrueOrFalse.TRUE
