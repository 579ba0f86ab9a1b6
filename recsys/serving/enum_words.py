"""Words of the wire's enums, as files, metrics and people read them."""

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from recsys.domain import CHANNEL_BY_CODE

_NOT_SAID = "UNSPECIFIED"


def enum_word(kind: EnumTypeWrapper, number: int) -> str:
    """Return `at-risk` of LIFECYCLE_STAGE_AT_RISK.

    Args:
        kind: The enum; its values begin alike.
        number: Of a value. Of one that only a newer server knows, the number is its word.

    Returns:
        Lower case, with hyphens; empty for what is not said.
    """
    if number == 0:
        return ""
    names = kind.DESCRIPTOR.values_by_number
    if number not in names:
        return str(number)
    prefix = names[0].name.removesuffix(_NOT_SAID)
    return names[number].name.removeprefix(prefix).lower().replace("_", "-")


def channel_word(number: int) -> str:
    """Return `mobile_app` of CHANNEL_MOBILE_APP, as it is written everywhere; else as `enum_word`."""
    channel = CHANNEL_BY_CODE.get(number)
    return channel.value if channel else str(number or "")
