"""Partition keys: one partition is one list that the API pages through."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from dagster import DynamicPartitionsDefinition

from channels_assets.config import key_problem

WINDOWS_NAME = "channels_windows"
ARTICLE_LISTS_NAME = "channels_article_lists"
WINDOWS = DynamicPartitionsDefinition(name=WINDOWS_NAME)
ARTICLE_LISTS = DynamicPartitionsDefinition(name=ARTICLE_LISTS_NAME)


class UnknownPartition(Exception):
    """The partition's list is not known (any more)."""


@dataclass(frozen=True)
class ArticleList:
    """The list of one partition of ARTICLE_LISTS; its key is shop_appid/promoter_id/sharer_appid."""

    shop_appid: str
    promoter_id: str
    sharer_appid: str

    @property
    def key(self) -> str:
        return f"{self.shop_appid}/{self.promoter_id}/{self.sharer_appid}"

    @property
    def problem(self) -> str | None:
        """Why its key can't be a partition key, or None."""
        ids = (self.shop_appid, self.promoter_id, self.sharer_appid)
        if any("/" in part or not part.strip() for part in ids):
            return "has an id that is empty or contains '/'"
        return key_problem(self.key)

    @classmethod
    def of_key(cls, key: str) -> ArticleList:
        """Raises ValueError when `key` is not of the form shop_appid/promoter_id/sharer_appid."""
        shop_appid, promoter_id, sharer_appid = key.split("/")
        return cls(shop_appid, promoter_id, sharer_appid)


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
