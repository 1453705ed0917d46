"""Partition keys: one partition is one list that the API pages through."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from dagster import DynamicPartitionsDefinition

from channels_assets.config import key_problem

WINDOWS_NAME = "channels_windows"
ARTICLE_LISTS_NAME = "channels_article_lists"
WINDOWS = DynamicPartitionsDefinition(name=WINDOWS_NAME)
ARTICLE_LISTS = DynamicPartitionsDefinition(name=ARTICLE_LISTS_NAME)
_ENCODED = re.compile(r"[/%\x00-\x1f\x7f-\x9f]")


class UnknownPartition(Exception):
    """The partition's list is not known (any more)."""


@dataclass(frozen=True)
class ArticleList:
    """The list of one partition of ARTICLE_LISTS; its key is shop_appid/promoter_id/sharer_appid.

    "/", "%" and control characters in an id are percent-encoded in the key, as UTF-8: each list has one
    key, and each key one list.
    """

    shop_appid: str
    promoter_id: str
    sharer_appid: str

    @property
    def key(self) -> str:
        ids = (self.shop_appid, self.promoter_id, self.sharer_appid)
        return "/".join(_ENCODED.sub(_percent_encoded, part) for part in ids)

    @property
    def problem(self) -> str | None:
        """Why its key can't be a partition key, or None."""
        if not all(part.strip() for part in self.key.split("/")):
            return "has an id that is empty"
        return key_problem(self.key)

    @classmethod
    def of_key(cls, key: str) -> ArticleList:
        """Raises ValueError for what is not the key of a list."""
        shop_appid, promoter_id, sharer_appid = (
            unquote(part, errors="strict") for part in key.split("/")
        )
        article_list = cls(shop_appid, promoter_id, sharer_appid)
        if article_list.key != key:
            raise ValueError(f"{key!r} has another spelling: {article_list.key!r}")
        return article_list


def _percent_encoded(found: re.Match[str]) -> str:
    return quote(found[0], safe="")


def stretches(known: Sequence[str], chosen: Collection[str]) -> Iterator[list[str]]:
    """The chosen keys as stretches without gaps in Dagster's order: a run takes one stretch."""
    stretch: list[str] = []
    for key in known:
        if key in chosen:
            stretch.append(key)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch
