"""One batch on its way to its reader: where it is, and what its messages say."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from recsys import limits
from recsys.campaigns import (
    Batch,
    BatchPart,
    BatchPerson,
    BatchQuery,
    CampaignSettings,
    ItemCards,
    PeopleSource,
    Resume,
    decode_resume,
    encode_resume,
    fingerprint,
)
from recsys.domain import Identifier
from recsys.profiles import Export, ExportKind
from recsys.recommend import Recommender, ServingModel
from recsys.recommend.attribution import encode_token
from recsys.serving import reply, wire_campaigns
from recsys.serving.metrics import Metrics
from recsys.v1 import campaign_pb2
from recsys.v1 import campaign_service_pb2 as service
from recsys.violations import Violations

_MESSAGE_BYTES: Final = limits.MESSAGE_BYTES_MAX // 4
_REQUEST_ID_BYTES: Final = 16
_LENGTH_BITS: Final = 7
# Field 1 of RecommendBatchResponse, of a length that follows.
_PERSON_TAG: Final = b"\x0a"


class BatchStream:
    """A batch under way. Used by one thread at a time.

    Attributes:
        query: What is asked.
        is_listed: Whether its people come from the caller.
        is_over: Whether a walk has met everybody.
    """

    def __init__(
        self,
        first: service.RecommendBatchRequest,
        *,
        filter_: str,
        people: PeopleSource,
        recommender: Recommender,
        settings: CampaignSettings,
        metrics: Metrics,
        threads: int,
        now: float,
    ) -> None:
        """Begin a batch, or go on with one.

        Args:
            first: The first message.
            filter_: Over people, of the batch or of its segment.
            people: Finds people.
            recommender: Decides.
            settings: What holds for all campaigns.
            metrics: Counts answers.
            threads: How many rank people at the same time.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidRequest: Something in it is wrong.
            StorageUnavailable: The storage does not answer.
        """
        sent = first.batch
        wrong = Violations()
        query = wire_campaigns.parse_batch(sent, wrong, "batch.", filter_=filter_, now=now)
        wrong.raise_any()
        asked = _said(sent) + filter_.encode()
        self._fingerprint = fingerprint(asked)
        self.is_listed = sent.WhichOneof("people") == "listed"
        self.is_over = False
        self._people = people
        if first.resume_token:
            found = decode_resume(first.resume_token, asked=asked)
            query = msgspec.structs.replace(query, as_of=found.as_of, send_time=found.send_time)
        else:
            found = Resume(
                fingerprint=self._fingerprint,
                as_of=query.as_of,
                send_time=query.send_time,
                position=None if self.is_listed else people.begin(),
            )
            if sent.destination:
                # First, so that no file is left that nobody knows of.
                kind = ExportKind.CAMPAIGN
                people.note_export(Export(kind=kind, place=sent.destination, time=now))
        self.query: BatchQuery = query
        self._where = found
        self._skipped_count = found.subject_count
        self._read_count = 0
        self._batch = Batch(query, people=people, recommender=recommender, settings=settings)
        self._cards = ItemCards(recommender.permissions.catalog) if sent.with_items else None
        self._with_suppressed = sent.with_suppressed or self.is_listed
        self._metrics = metrics
        self._threads = threads

    def walk(self, model: ServingModel) -> list[bytes]:
        """Answer the next people of a walk; returns the messages."""
        assert self._where.position is not None  # A walk has one until it is over.
        part = self._batch.walk(model, self._where.position, threads=self._threads)
        self.is_over = part.next is None
        self._where = msgspec.structs.replace(
            self._where,
            position=part.next,
            considered_count=self._where.considered_count + part.considered_count,
        )
        share = 1.0 if part.next is None else part.next.share
        return self._messages(model, part, share)

    def read(self, request: service.RecommendBatchRequest) -> list[tuple[Identifier, ...]]:
        """Check the next people of a list; raises InvalidRequest."""
        wrong = Violations()
        wrong.count_within(request.subjects, "subjects", count_max=limits.BATCH_SUBJECT_COUNT_MAX)
        self._read_count += len(request.subjects)
        if self._read_count > limits.BATCH_PERSON_COUNT_MAX:
            allowed = f"0 to {limits.BATCH_PERSON_COUNT_MAX} in all"
            wrong.add("subjects", f"are {self._read_count}; allowed {allowed}")
        wrong.raise_any()
        people = wire_campaigns.parse_subjects(request.subjects, wrong, "subjects[{}]")
        wrong.raise_any()
        return people

    def answer(self, model: ServingModel, people: Sequence[tuple[Identifier, ...]]) -> list[bytes]:
        """Answer the next people of a list; returns the messages, none for those done before."""
        again = people[: self._skipped_count]
        if again:
            # They were answered before the connection broke; who they are still counts.
            self._batch.subjects(None, again)
            self._skipped_count -= len(again)
        rest = people[len(again) :]
        if not rest:
            return []
        part = self._batch.subjects(model, rest, threads=self._threads)
        self._where = msgspec.structs.replace(
            self._where,
            subject_count=self._where.subject_count + len(rest),
            considered_count=self._where.considered_count + part.considered_count,
        )
        return self._messages(model, part, 0.0)

    def _messages(self, model: ServingModel, part: BatchPart, share: float) -> list[bytes]:
        """Say what became of some people; all but the last message have no token."""
        bodies: list[list[bytes]] = [[]]
        size = 0
        named = [one for one in part.people if one.answer is not None or self._with_suppressed]
        cards = self._card_bytes(named)
        for one in (*map(self._person_bytes, named), *cards):
            if size + len(one) > _MESSAGE_BYTES and bodies[-1]:
                bodies.append([])
                size = 0
            bodies[-1].append(one)
            size += len(one)
        versions = self._people.versions()
        last = service.RecommendBatchResponse(
            suppressed=wire_campaigns.encode_counts(part),
            resume_token="" if self.is_over else encode_resume(self._where),
            considered_count=self._where.considered_count,
            done_share=share,
            model_version=model.version,
            consent_version=versions.consents,
            catalog_version=versions.catalog,
            filter=self.query.filter,
            refused_offers=wire_campaigns.encode_refused(part),
        )
        bodies[-1].append(last.SerializeToString())
        # Messages one after the other are one message.
        return [b"".join(body) for body in bodies]

    def _person_bytes(self, one: BatchPerson) -> bytes:
        said = wire_campaigns.encode_person(one, is_listed=self.is_listed).SerializeToString()
        if one.answer is not None:
            self._metrics.answer(one.answer)
            self._metrics.offers(one.offers)
            token = encode_token(
                request_id=self._request_id(one),
                placement=self.query.question.placement,
                model_version=one.answer.model_version,
            )
            said = reply.answer_bytes(one.answer, token=token) + said
        return _PERSON_TAG + _varint(len(said)) + said

    def _card_bytes(self, people: Iterable[BatchPerson]) -> list[bytes]:
        if self._cards is None:
            return []
        ids = [
            item_id
            for one in people
            if one.answer is not None
            for item_id in one.answer.results.items.ids(one.answer.results.ranking.rows)
        ]
        now = self.query.send_time
        return [
            service.RecommendBatchResponse(
                items=[wire_campaigns.encode_card(item_id, item, now=now)]
            ).SerializeToString()
            for item_id, item in self._cards.of(ids).items()
        ]

    def _request_id(self, one: BatchPerson) -> bytes:
        """Name an answer: the same name for the same batch, moment and person."""
        strongest = one.identifiers[0] if one.identifiers else one.asked[0]
        text = f"{self._where.as_of!r}\0{strongest.namespace}\0{strongest.value}".encode()
        state = hashlib.blake2b(self._fingerprint, digest_size=_REQUEST_ID_BYTES)
        state.update(text)
        return state.digest()


def _said(sent: campaign_pb2.Batch) -> bytes:
    """Return what tells a batch from another: not where its answers are kept."""
    said = campaign_pb2.Batch()
    said.CopyFrom(sent)
    said.ClearField("destination")
    return said.SerializeToString(deterministic=True)


def _varint(value: int) -> bytes:
    """Write a length as protobuf does."""
    out = bytearray()
    while value >> _LENGTH_BITS:
        out.append(value & 0x7F | 0x80)
        value >>= _LENGTH_BITS
    out.append(value)
    return bytes(out)
