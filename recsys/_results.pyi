from recsys._items import ItemIds
from recsys._scoring import Ranking

def encode_answer(
    ids: ItemIds,
    ranking: Ranking,
    reasons: list[bytes],
    token: str,
    model_version: str,
    shortfall: bytes | None,
) -> bytes: ...
