"""One page of a list: its request, and what Python needs of its answer. What leads from page to page: walk.py.

window products              last_buffer, no has_more, total_num on request
articles, shops, promoters   next_key and has_more
sharers                      next_key alone
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.decode import Fields, JsonObject, item_keys, parse_object
from channels_assets.wechat.errors import BadRequest
from channels_assets.wechat.request import Answer

Item = TypeVar("Item")


@dataclass(frozen=True)
class Endpoint(Generic[Item]):
    """A list that the API pages through.

    `key_path` leads from an item to its id. `sends_has_more`: whether answers say if a page follows.
    `max_indexed`: how many of its items can also be had by `page_index`, 0 for none.
    """

    name: str
    path: str
    doc: str
    list_field: str
    cursor_field: Literal["last_buffer", "next_key"]
    key_path: tuple[str, ...]
    sends_has_more: bool
    max_page_size: int
    max_indexed: int = 0


@dataclass(frozen=True)
class ListRequest(Generic[Item]):
    """One list: an endpoint and the fields that stay constant on every page of a walk."""

    endpoint: Endpoint[Item]
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        size, most = self.fields["page_size"], self.endpoint.max_page_size
        if not 1 <= size <= most:
            raise BadRequest(
                f"page_size must be 1 to {most}, not {size}; no call was made.",
                endpoint=self.endpoint.name,
            )

    def body(self, cursor: str) -> JsonObject:
        if self.endpoint.cursor_field == "last_buffer":
            # The first page has no last_buffer; next_key is required, and empty on the first page.
            return {**self.fields, "last_buffer": cursor} if cursor else dict(self.fields)
        return {**self.fields, "next_key": cursor}

    def body_at(self, page_index: int) -> JsonObject:
        """`page_index` counts from 1."""
        return {**self.fields, "page_index": page_index}


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page: its items as sent, in order, what the API says of the rest, and its bytes.

    `keys` are the items' ids as text, "" for an item without a usable one, which may be no object either.
    Nothing else of an item was checked: the load does that. `listed` is false and `cursor` None where the
    answer left the field out; an empty list may also be sent as null, "" or {}, which counts as left out.
    """

    items: tuple[Item, ...]
    keys: tuple[str, ...]
    listed: bool
    cursor: str | None
    has_more: bool | None
    total_num: int | None
    raw: bytes


def page_of_bytes(request: ListRequest[Item], raw: bytes) -> Page[Item]:
    """A page from the bytes of an answer that was accepted before."""
    return _decode(request, Answer(parse_object(raw, request.endpoint.name), raw))


def _decode(request: ListRequest[Item], answer: Answer) -> Page[Item]:
    endpoint = request.endpoint
    fields = Fields(answer.value, endpoint.name)
    items = fields.items(endpoint.list_field)
    return Page(
        # Objects, where item_keys() finds their keys.
        items=cast("tuple[Item, ...]", tuple(items)),
        keys=item_keys(items, endpoint.key_path),
        listed=isinstance(answer.value.get(endpoint.list_field), list),
        cursor=fields.text(endpoint.cursor_field),
        has_more=fields.boolean("has_more"),
        total_num=fields.integer("total_num"),
        raw=answer.raw,
    )


def fetch_page(client: Client, request: ListRequest[Item], cursor: str, calls: Calls) -> Page[Item]:
    """One page. `cursor` is "" for the first, else what the page before gave."""
    return _fetch(client, request, request.body(cursor), calls)


def fetch_page_at(
    client: Client, request: ListRequest[Item], page_index: int, calls: Calls
) -> Page[Item]:
    """One page by its number, from 1; only up to the endpoint's `max_indexed` items."""
    return _fetch(client, request, request.body_at(page_index), calls)


def _fetch(
    client: Client, request: ListRequest[Item], body: JsonObject, calls: Calls
) -> Page[Item]:
    endpoint = request.endpoint
    return client.call(
        endpoint.path,
        endpoint.name,
        body,
        lambda answer: _decode(request, answer),
        calls,
        (endpoint.list_field, endpoint.cursor_field, "has_more", "total_num"),
    )
