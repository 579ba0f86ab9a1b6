"""What the retailer says of identifiers: which name a person, which a device, and how many."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from recsys import limits
from recsys.domain import (
    NAMESPACE_ACCOUNT,
    NAMESPACE_LOYALTY_CARD,
    NAMESPACE_VISITOR,
    SECONDS_PER_DAY,
    Identifier,
)

_NAMESPACE: Final = re.compile(rf"[a-z0-9_]{{1,{limits.NAMESPACE_CHARS_MAX}}}")


def _limits() -> dict[str, int]:
    return {NAMESPACE_ACCOUNT: 4, NAMESPACE_LOYALTY_CARD: 4}


class IdentityRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which identifiers are one person. All servers of one storage need the same."""

    devices: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Namespaces that name a device, which several people may use; all others"
            " name a person.",
        ),
    ] = (NAMESPACE_VISITOR,)
    priority: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Namespaces of people, the most trusted first; those not listed come"
            " after them, by name.",
        ),
    ] = (
        NAMESPACE_ACCOUNT,
        NAMESPACE_LOYALTY_CARD,
        "pos_customer",
        "email_sha256",
        "phone_sha256",
    )
    limits: Annotated[
        dict[str, int],
        Meta(
            max_length=64,
            description="How many identifiers of a namespace one person may have, such as"
            " { loyalty_card = 1 }.",
        ),
    ] = msgspec.field(default_factory=_limits)
    limit_default: Annotated[
        int, Meta(ge=1, le=64, description="The same for namespaces that `limits` does not name.")
    ] = 8
    identifiers_per_person: Annotated[
        int, Meta(ge=2, le=64, description="How many one person may have in all, devices aside.")
    ] = 16
    people_per_device: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="How many accounts (or cards) may log in on one device; with more it is"
            " public, and what is done on it without a login counts for nobody.",
        ),
    ] = 5
    login_window_days: Annotated[
        float,
        Meta(
            ge=0,
            le=3_650,
            description="How long before a login what was done on the device counts for who"
            " logs in.",
        ),
    ] = 30.0
    confidence_min: Annotated[
        float,
        Meta(ge=0, le=1, description="Links of less confidence are kept as evidence only."),
    ] = 0.5

    def __post_init__(self) -> None:
        for name in (*self.devices, *self.priority, *self.limits):
            if _NAMESPACE.fullmatch(name) is None:
                raise ValueError(
                    f"{name[:40]!a} is no namespace: 1 to {limits.NAMESPACE_CHARS_MAX} lower case"
                    " letters, digits and underscores"
                )
        if both := sorted(set(self.devices) & set(self.priority)):
            raise ValueError(
                f"{both[0]!r} is among devices and in priority; it is one or the other"
            )
        for name, count in self.limits.items():
            if not 1 <= count <= limits.IDENTIFIERS_PER_NAMESPACE_MAX:
                raise ValueError(
                    f"limits.{name} is {count}; allowed 1 to {limits.IDENTIFIERS_PER_NAMESPACE_MAX}"
                )

    def is_device(self, identifier: Identifier) -> bool:
        """Whether it names a device."""
        return identifier.namespace in self.devices

    def strength(self, identifier: Identifier) -> tuple[int, str, str]:
        """Sort key: people before devices, the most trusted first."""
        namespace = identifier.namespace
        if namespace in self.devices:
            rank = len(self.priority) + 1
        elif namespace in self.priority:
            rank = self.priority.index(namespace)
        else:
            rank = len(self.priority)
        return rank, namespace, identifier.value

    def limit(self, namespace: str) -> int:
        """How many identifiers of a namespace one person may have."""
        return self.limits.get(namespace, self.limit_default)

    @property
    def window_seconds(self) -> float:
        """The window before a login."""
        return self.login_window_days * SECONDS_PER_DAY
