"""Every bound of the service in one place, with the relations between them.

A bound that callers can meet is repeated in the comments of `proto/recsys/v1`;
`tests/tidy` holds the two together.
"""

from typing import Final

# Answers.
RESULT_COUNT_DEFAULT: Final = 20
RESULT_COUNT_MAX: Final = 100
EXCLUDE_COUNT_MAX: Final = 1_000
RANK_COUNT_MAX: Final = 1_000
SLOT_COUNT_MAX: Final = 10
BASKET_ITEM_COUNT_MAX: Final = 200

# Items on all pages of one list, and the token that holds them.
PAGED_COUNT_MAX: Final = 1_000
PAGE_TOKEN_BYTES_MAX: Final = 5_400
EVENT_TYPE_COUNT_MAX: Final = 16

# What is asked for just now: events that a worker reads when it is first asked, and for how
# many pairs of people and items of a day, items and places it counts.
FEED_EVENT_COUNT_MAX: Final = 100_000
TREND_PAIR_COUNT_MAX: Final = 500_000
TREND_ITEM_COUNT_MAX: Final = 1_000_000
TREND_PLACE_COUNT_MAX: Final = 10_000

# Identities and names, in UTF-8 bytes.
ITEM_ID_BYTES_MAX: Final = 128
IDENTIFIER_BYTES_MAX: Final = 256
NAMESPACE_CHARS_MAX: Final = 32
STORE_ID_BYTES_MAX: Final = 128
EVENT_ID_BYTES_MAX: Final = 128
SESSION_ID_BYTES_MAX: Final = 128
PLACEMENT_CHARS_MAX: Final = 64
IDENTIFIER_COUNT_MAX: Final = 16
ATTRIBUTION_TOKEN_BYTES_MAX: Final = 512

# Events that a caller brings along, and what is kept of a person.
RECENT_EVENT_COUNT_MAX: Final = 200
EVENT_LINE_COUNT_MAX: Final = 100
RECENT_LINE_COUNT_MAX: Final = 1_000
HISTORY_EVENT_COUNT_MAX: Final = 200
QUANTITY_MAX: Final = 1_000_000.0
CLOCK_SKEW_SECONDS_MAX: Final = 300

# Writing events.
WRITE_EVENT_COUNT_MAX: Final = 1_000
PURGE_VALUE_COUNT_MAX: Final = 100
SEARCH_QUERY_BYTES_MAX: Final = 1_024
REFERRER_BYTES_MAX: Final = 2_048
OFFER_ID_BYTES_MAX: Final = 128
MONEY_UNITS_MAX: Final = 1_000_000_000_000

# How many events of a person her traits are computed from, the latest to arrive.
PROFILE_EVENT_COUNT_MAX: Final = 100_000

# Consents: statements of one request, and those kept of an identifier.
EXPORT_PLACE_BYTES_MAX: Final = 1_024
CONSENT_COUNT_MAX: Final = 50
CONSENT_SOURCE_BYTES_MAX: Final = 128

# Loyalty tiers of one request.
LOYALTY_TIER_COUNT_MAX: Final = 1_000
CONSENT_KEPT_COUNT_MAX: Final = 1_000

# How many events join one commit, how many wait for it, and how many messages of one
# stream are under way.
COMMIT_EVENT_COUNT_MAX: Final = 10_000
WAITING_EVENT_COUNT_MAX: Final = 50_000
IMPORT_MESSAGE_COUNT_MAX: Final = 8

# Events of one identifier that wait to be packed: at how many the writer is asked to do
# it, and how many of them, the latest to arrive, an answer looks at until it has.
UNPACKED_EVENT_COUNT: Final = 16
UNPACKED_EVENT_COUNT_MAX: Final = 1_000

# Campaigns. How many people are looked at together, how many events of them are read at
# once; how many people one message names; how many a campaign's list names; saved segments;
# how many identifiers an estimate looks at; the best people for an item.
WALK_COUNT: Final = 256
WALK_EVENT_COUNT_MAX: Final = 250_000
BATCH_SUBJECT_COUNT_MAX: Final = 1_000
BATCH_PERSON_COUNT_MAX: Final = 10_000_000
SEGMENT_COUNT_MAX: Final = 1_000
SEGMENT_NAME_CHARS_MAX: Final = 64
SEGMENT_DESCRIPTION_BYTES_MAX: Final = 1_024
ESTIMATE_COUNT_DEFAULT: Final = 1_000
ESTIMATE_COUNT_MAX: Final = 20_000
AUDIENCE_COUNT_DEFAULT: Final = 1_000
AUDIENCE_COUNT_MAX: Final = 100_000
ADDRESS_NAMESPACE_COUNT_MAX: Final = 8
FREQUENCY_DAYS_MAX: Final = 366.0
RESUME_TOKEN_BYTES_MAX: Final = 1_024

# Who is who. How many identifiers one request links; how many moments of each login are
# kept; with more than how many links an identifier names nobody, and with how many
# connected ones nothing is joined; how many identifiers of a person one answer reads, and
# of how many people one question asks.
LINKED_IDENTIFIER_COUNT_MAX: Final = 16
LINK_SOURCE_CHARS_MAX: Final = 64
LOGIN_TIME_COUNT_MAX: Final = 64
LINK_COUNT_MAX: Final = 100
CONNECTED_IDENTIFIER_COUNT_MAX: Final = 256
IDENTIFIERS_PER_NAMESPACE_MAX: Final = 64
HISTORY_PART_COUNT_MAX: Final = 64
HISTORIES_COUNT_MAX: Final = 256

# Stores near a place: how far away and how many, unless it is said.
NEARBY_KM_DEFAULT: Final = 25.0
NEARBY_COUNT_DEFAULT: Final = 5
NEARBY_COUNT_MAX: Final = 20

# Ages of buyers, in years.
AGE_MAX: Final = 150

# Pages: the rules of one, how far down the best candidates it is chosen from, and what
# one candidate's score is multiplied by.
CANDIDATE_COUNT_MAX: Final = 500
BOOST_COUNT_MAX: Final = 8
PIN_COUNT_MAX: Final = 20
CAP_COUNT_MAX: Final = 4
SHARE_COUNT_MAX: Final = 4
REBUY_COUNT_MAX: Final = 16
BOOST_FACTOR_MIN: Final = 0.001
BOOST_FACTOR_MAX: Final = 1_000.0

# The catalogue. How many of its changes workers that lag behind find again; how many
# adjustments of one item in one store are kept apart from the count; what a worker keeps
# of the stock of stores, a bit per item and store.
CATALOG_CHANGE_COUNT_MAX: Final = 250_000
STOCK_ADJUSTMENT_COUNT_MAX: Final = 100
STOCK_MASK_BYTES_MAX: Final = 256 * 2**20

# Writing the catalogue: things of one request, and what is said of one item. All that is
# said of it together is bounded as it is kept.
CATALOG_WRITE_COUNT_MAX: Final = 1_000
CATALOG_PAGE_SIZE_DEFAULT: Final = 100
CATALOG_PAGE_SIZE_MAX: Final = 1_000
FEED_DELETED_SHARE_MAX: Final = 0.5
ITEM_KEPT_BYTES_MAX: Final = 64 * 2**10
TITLE_BYTES_MAX: Final = 1_024
BRAND_BYTES_MAX: Final = 256
URL_BYTES_MAX: Final = 2_048
CATEGORY_PATH_COUNT_MAX: Final = 16
CATEGORY_PATH_BYTES_MAX: Final = 1_024
PRICE_COUNT_MAX: Final = 16
ATTRIBUTE_COUNT_MAX: Final = 100
ATTRIBUTE_NAME_CHARS_MAX: Final = 64
ATTRIBUTE_VALUE_COUNT_MAX: Final = 100
ATTRIBUTE_VALUE_BYTES_MAX: Final = 256
MASK_PATH_COUNT_MAX: Final = 100
STOCK_QUANTITY_MAX: Final = 1_000_000_000
ADJUSTMENT_ID_BYTES_MAX: Final = 128

# Offers: how many there are, what one of them says, and how deep they go on top of each
# other. How often a cap lets one person use it, and in how many days.
OFFER_COUNT_MAX: Final = 10_000
OFFER_WRITE_COUNT_MAX: Final = 100
OFFER_NAME_BYTES_MAX: Final = 128
OFFER_LIST_COUNT_MAX: Final = 1_000
OFFER_AREA_COUNT_MAX: Final = 100
OFFER_CORNER_COUNT_MAX: Final = 100
OFFER_RADIUS_KM_MAX: Final = 1_000.0
OFFER_HOURS_COUNT_MAX: Final = 32
OFFER_PIECE_COUNT_MAX: Final = 100
OFFER_POINT_COUNT_MAX: Final = 1_000_000_000
OFFER_UNIT_COUNT_MAX: Final = 1_000_000_000_000
OFFER_PRIORITY_MAX: Final = 1_000
OFFER_CAP_COUNT_MAX: Final = 4
OFFER_CAP_USE_COUNT_MAX: Final = 10_000
OFFER_CAP_DAYS_MAX: Final = 3_660
OFFER_STACK_DEPTH_MAX: Final = 8
OFFER_KEPT_BYTES_MAX: Final = 64 * 2**10
OFFER_SCOPE_BYTES_MAX: Final = 512 * 2**20
# Each of them has one filter of a scope with its lists, one without, and one of a basket.
OFFER_ITEM_FILTER_COUNT_MAX: Final = 3 * OFFER_COUNT_MAX
# What is kept of filters of people that were read: those of all offers, and of segments.
PERSON_FILTER_KEPT_COUNT: Final = OFFER_COUNT_MAX + 256

# The ledger: how long something is held, how many things join one commit and how many
# wait for it, and for how long those that came to nothing are remembered.
RESERVATION_ID_BYTES_MAX: Final = 128
HOLD_SECONDS_DEFAULT: Final = 900.0
HOLD_SECONDS_MAX: Final = 7 * 86_400.0
SETTLE_COUNT_MAX: Final = 200
WAITING_SETTLE_COUNT_MAX: Final = 10_000
RESERVATION_KEPT_DAYS: Final = 30
OFFER_USE_COUNT_MAX: Final = 10_000

# Triggers: how long a message and a pause may last, and decisions are remembered; how many
# are made in one step, how many messages are handed out together and for how long; how far
# back a cart goes, and how many events of a day are more than a person's.
TRIGGER_DAYS_MAX: Final = 7.0
TRIGGER_KEPT_DAYS: Final = 30.0
TRIGGER_LIST_COUNT_MAX: Final = 1_000
TRIGGER_NEWS_COUNT_MAX: Final = 1_000
TRIGGER_DECIDE_COUNT_MAX: Final = 100
HAND_OUT_COUNT_MAX: Final = 50
LEASE_SECONDS_DEFAULT: Final = 60.0
LEASE_SECONDS_MAX: Final = 3_600.0
ACK_COUNT_MAX: Final = 1_000
CONSUMER_CHARS_MAX: Final = 64
CART_SECONDS_MAX: Final = 14 * 86_400.0
CART_EVENT_COUNT_MAX: Final = 500
PERSON_DAY_EVENT_COUNT_MAX: Final = 2_000

# A filter: its text in UTF-8 bytes, nested parentheses, comparisons, values of one IN list,
# and how many wildcards and orders of texts it tries on each value of a field. What a worker
# keeps of the answers for one model's items, a bit per item and filter.
FILTER_BYTES_MAX: Final = 8_192
FILTER_DEPTH_MAX: Final = 32
FILTER_TERM_COUNT_MAX: Final = 100
FILTER_LIST_COUNT_MAX: Final = 1_000
FILTER_SCAN_COUNT_MAX: Final = 16
FILTER_CACHE_BYTES_MAX: Final = 64 * 2**20

# Levels of a category path: a filter finds it by each run of them.
PATH_LEVEL_COUNT_MAX: Final = 16

# Models.
ITEM_COUNT_MAX: Final = 2**31 - 1
NEW_ITEM_COUNT_MAX: Final = 2**18
FACTOR_COUNT_MAX: Final = 1_024
POPULAR_PER_SEGMENT_MAX: Final = 1_000
MANIFEST_BYTES_MAX: Final = 16 * 2**20

# Rankings that read more numbers than this (items x factors) leave the event
# loop for a thread; see docs/operate.md for the measurement.
INLINE_SCAN_SIZE_MAX: Final = 8_000_000

# The wire.
MESSAGE_BYTES_MAX: Final = 4 * 2**20
RETRY_DELAY_SECONDS: Final = 1
VIOLATION_COUNT_MAX: Final = 16
REQUEST_ID_CHARS_MAX: Final = 128

assert 1 <= RESULT_COUNT_DEFAULT <= RESULT_COUNT_MAX
# The longest popular list must fill the longest page after the largest
# exclusion list, or a store's fallback would be short for no reason.
assert POPULAR_PER_SEGMENT_MAX >= RESULT_COUNT_MAX
assert HISTORY_EVENT_COUNT_MAX >= RECENT_EVENT_COUNT_MAX
# A message of one full batch must fit into what may wait.
assert WRITE_EVENT_COUNT_MAX <= COMMIT_EVENT_COUNT_MAX <= WAITING_EVENT_COUNT_MAX
# Some full items must fit into a message with one of them to spare.
assert ITEM_KEPT_BYTES_MAX * 4 <= MESSAGE_BYTES_MAX
assert CATALOG_PAGE_SIZE_DEFAULT <= CATALOG_PAGE_SIZE_MAX
assert UNPACKED_EVENT_COUNT < HISTORY_EVENT_COUNT_MAX <= UNPACKED_EVENT_COUNT_MAX
# Whoever is joined with all that she may have is not yet too connected.
assert IDENTIFIERS_PER_NAMESPACE_MAX <= LINK_COUNT_MAX <= CONNECTED_IDENTIFIER_COUNT_MAX
# One line an event and one full event must both be sayable.
assert max(RECENT_EVENT_COUNT_MAX, EVENT_LINE_COUNT_MAX) <= RECENT_LINE_COUNT_MAX
# Whatever a cap can count must be read where it is told how much of it is left.
assert OFFER_CAP_USE_COUNT_MAX <= OFFER_USE_COUNT_MAX
assert HOLD_SECONDS_DEFAULT <= HOLD_SECONDS_MAX
assert CONSUMER_CHARS_MAX == PLACEMENT_CHARS_MAX
assert LEASE_SECONDS_DEFAULT <= LEASE_SECONDS_MAX
# A cart must be known for as long as it can wait, and what was decided while it may count.
assert TRIGGER_DAYS_MAX * 2 * 86_400.0 <= CART_SECONDS_MAX
assert TRIGGER_DAYS_MAX * 2 <= TRIGGER_KEPT_DAYS
