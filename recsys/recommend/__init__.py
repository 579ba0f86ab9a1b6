"""Who asked, what she did, what may be shown: from a query to a ranked answer."""

from recsys.recommend.explain import Explanation
from recsys.recommend.locate import Located, LocateQuery
from recsys.recommend.many import ManyPeople, Met
from recsys.recommend.model import ServingModel
from recsys.recommend.query import (
    NOTE_NO_CONSENT,
    NOTE_STORAGE_UNAVAILABLE,
    NOTE_UNKNOWN_ITEM,
    NOTE_UNKNOWN_STORE,
    NOTE_UNKNOWN_SUBJECT,
    NOTES,
    AgainQuery,
    Answer,
    BasketQuery,
    PageQuery,
    RankAnswer,
    RankQuery,
    RecentQuery,
    RecommendQuery,
    SimilarQuery,
    SlotQuery,
    TrendingQuery,
)
from recsys.recommend.recommender import Recommender
from recsys.recommend.trends import Trends
from recsys.recommend.widgets import Widgets
from recsys.rules import NOTE_STOCK_UNAVAILABLE

__all__ = [
    "NOTES",
    "NOTE_NO_CONSENT",
    "NOTE_STOCK_UNAVAILABLE",
    "NOTE_STORAGE_UNAVAILABLE",
    "NOTE_UNKNOWN_ITEM",
    "NOTE_UNKNOWN_STORE",
    "NOTE_UNKNOWN_SUBJECT",
    "AgainQuery",
    "Answer",
    "BasketQuery",
    "Explanation",
    "LocateQuery",
    "Located",
    "ManyPeople",
    "Met",
    "PageQuery",
    "RankAnswer",
    "RankQuery",
    "RecentQuery",
    "RecommendQuery",
    "Recommender",
    "ServingModel",
    "SimilarQuery",
    "SlotQuery",
    "TrendingQuery",
    "Trends",
    "Widgets",
]
