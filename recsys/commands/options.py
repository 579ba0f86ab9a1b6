"""Options that all questions to a running server have, said once."""

import dataclasses
import functools
import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, get_type_hints

from recsys.commands.arguments import read_events, read_identifiers
from recsys.commands.asking import (
    TARGET_DEFAULT,
    Count,
    Exclude,
    Explain,
    Filter,
    Identifiers,
    InStock,
    Json,
    OnChannel,
    PageToken,
    Placement,
    Recent,
    Store,
    Target,
    Titles,
    User,
    Visitor,
    print_reply,
)

if TYPE_CHECKING:
    from recsys.serving.client import Client
    from recsys.serving.client_messages import (
        ListArguments,
        PagedArguments,
        PersonArguments,
        Reply,
    )

P = ParamSpec("P")
OptionsT = TypeVar("OptionsT", bound="PersonOptions")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PersonOptions:
    """Who asks, from where, and how the answer is printed."""

    user: User = ""
    visitor: Visitor = ""
    identifier: Identifiers = None
    recent: Recent = None
    placement: Placement = ""
    channel: OnChannel = None
    store: Store = ""
    filter_: Filter = ""
    in_stock: InStock = None
    titles: Titles = None
    target: Target = TARGET_DEFAULT
    as_json_: Json = False
    explain: Explain = False

    def person(self) -> "PersonArguments":
        """Return what the client is told of who asks.

        Raises:
            typer.BadParameter: A text is not of its form.
        """
        from recsys.rules import Rules  # noqa: PLC0415 - keeps --help quick

        return {
            "user_id": self.user,
            "visitor_id": self.visitor,
            "identifiers": read_identifiers(self.identifier or ()),
            "placement": self.placement,
            "channel": self.channel,
            "store_id": self.store,
            "recent_events": read_events(self.recent or (), channel=self.channel, now=time.time()),
            "explain": self.explain,
            "rules": Rules(filter=self.filter_ or None, in_stock=self.in_stock),
        }

    def print_answer(self, ask: "Callable[[Client], Reply]") -> None:
        """Ask the server and print what it says."""
        from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

        with connect(self.target) as client:
            reply = ask(client)
        print_reply(reply, self.titles, as_json_=self.as_json_)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListOptions(PersonOptions):
    """The same, and how much of what."""

    count: Count = 10
    exclude: Exclude = None

    def asked(self) -> "ListArguments":
        """Return what the client is told; raises as `person`."""
        return {
            **self.person(),
            "result_count": self.count,
            "excluded": self.exclude or (),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class PagedOptions(ListOptions):
    """The same, and which page."""

    page_token: PageToken = ""

    def asked(self) -> "PagedArguments":
        """Return what the client is told; raises as `person`."""
        return {**super().asked(), "page_token": self.page_token}


def with_options(
    kind: type[OptionsT],
) -> Callable[[Callable[Concatenate[OptionsT, P], None]], Callable[..., None]]:
    """Give a command the options of a class, which it gets as its first argument."""
    hints = get_type_hints(kind, include_extras=True)
    shared = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=hints[one.name],
        )
        for one in dataclasses.fields(kind)
    ]

    def decorate(command: Callable[Concatenate[OptionsT, P], None]) -> Callable[..., None]:
        _, *own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = sorted([*own, *shared], key=lambda one: one.kind)

        @functools.wraps(command)
        def run(**given: Any) -> None:
            options = kind(**{one.name: given.pop(one.name) for one in shared})
            command(options, **given)  # type: ignore[call-arg]  # as the signature below says

        del run.__wrapped__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate
