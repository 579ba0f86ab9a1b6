from collections.abc import Callable

from recsys.domain import Reason, Recommendation

def encode_results(
    results: tuple[Recommendation, ...], reason_bytes: Callable[[Reason], bytes]
) -> bytes: ...
