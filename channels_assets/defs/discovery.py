"""Partition keys follow the lists that exist: new ones are added, vanished ones removed with their rows.

The rows of a removed list leave the current tables and stay in the history tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from dagster import DagsterInstance
from sqlalchemy.exc import IntegrityError

from channels_assets.config import League, Settings
from channels_assets.defs.partitions import PROMOTERS_NAME, WINDOWS_NAME, ArticleList
from channels_assets.warehouse import (
    Store,
    active_promoters,
    active_sharers,
    remove_articles,
    remove_window,
)


@dataclass(frozen=True)
class Discovered:
    """What became of the keys. `blocking` problems keep lists from being refreshed or removed."""

    known: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    blocking: bool = False


def sync_windows(instance: DagsterInstance, store: Store, settings: Settings) -> Discovered:
    """The `windows` keys are what channels.toml says: a list taken out of it goes at once."""
    wanted = dict.fromkeys(window.key for window in settings.window)
    known = dict.fromkeys(instance.get_dynamic_partitions(WINDOWS_NAME))
    added = [key for key in wanted if key not in known]
    removed = [key for key in known if key not in wanted]
    if removed:
        with store.writing() as connection:
            for key in removed:
                remove_window(connection, key)
    _change(instance, WINDOWS_NAME, added, removed)
    return Discovered(len(wanted), tuple(added), tuple(removed))


def sync_promoters(
    instance: DagsterInstance, store: Store, league: League, *, prune: bool = False
) -> Discovered:
    """The `promoters` keys are: linked accounts of type 4 and 5 of cooperating shops x chosen sharers.

    When more than half of the known keys would vanish at once, none is removed, unless `prune`: one
    bad answer must not empty a warehouse.
    """
    with store.writing() as connection:
        promoters = active_promoters(connection)
        bound = active_sharers(connection)
    chosen, problems = _chosen(league, bound)
    known = dict.fromkeys(instance.get_dynamic_partitions(PROMOTERS_NAME))
    if chosen is None:
        return Discovered(len(known), problems=tuple(problems), blocking=True)
    lists = [
        ArticleList(promoter.shop_appid, promoter.promoter_id, sharer)
        for promoter in promoters
        for sharer in chosen
    ]
    for one in lists:
        if one.problem:
            problems.append(
                f"The list {one.key[:80]!r} can't be a partition: its key {one.problem}."
            )
    wanted = {one.key for one in lists if not one.problem}
    added = [one.key for one in lists if not one.problem and one.key not in known]
    vanished = [key for key in known if key not in wanted]
    if 2 * len(vanished) > len(known) and not prune:
        problems.append(
            f"{len(vanished)} of {len(known)} article lists would vanish at once, so none was removed. "
            "If they are really gone: `channels-assets partitions --prune`. "
            "超过一半的文章列表同时消失，未做删除；如确已不存在，请运行 channels-assets partitions --prune。"
        )
        blocking, vanished = True, []
    else:
        blocking = False
        with store.writing() as connection:
            for key in vanished:
                gone = ArticleList.of_key(key)
                remove_articles(connection, gone.shop_appid, gone.promoter_id, gone.sharer_appid)
    _change(instance, PROMOTERS_NAME, added, vanished)
    return Discovered(
        len(known) + len(added) - len(vanished),
        tuple(added),
        tuple(vanished),
        tuple(problems),
        blocking,
    )


def forget_everything() -> None:
    """Takes all lists and what was recorded of them out of the Dagster instance."""
    with DagsterInstance.get() as instance:
        for name in (WINDOWS_NAME, PROMOTERS_NAME):
            for key in instance.get_dynamic_partitions(name):
                instance.delete_dynamic_partition(name, key)
        instance.wipe_assets([key for key in instance.all_asset_keys() if len(key.path) == 1])


def _chosen(league: League, bound: list[str]) -> tuple[list[str] | None, list[str]]:
    """The sharers whose links are wanted, and what is wrong with the choice; None if undecided."""
    if league.sharers == "all":
        return bound, []
    if league.sharers is not None:
        known = set(bound)
        unbound = [sharer for sharer in league.sharers if sharer not in known]
        problems = [
            f"The sharer {sharer} is not bound to this agency and is left out: bind it, or take it out "
            "of `sharers` in channels.toml. 推客未绑定该机构，已跳过。"
            for sharer in unbound
        ]
        return [sharer for sharer in league.sharers if sharer in known], problems
    if len(bound) <= 1:
        return bound, []
    return None, [
        f"{len(bound)} sharers are bound to the agency: say in channels.toml whose share links are "
        f'wanted, `sharers = ["{bound[0]}"]` or `sharers = "all"` in [league]. '
        "该机构绑定了多个推客，请在 channels.toml 的 [league] 中用 sharers 指定。"
    ]


def _change(
    instance: DagsterInstance, partitions: str, added: list[str], removed: list[str]
) -> None:
    if added:
        try:
            instance.add_dynamic_partitions(partitions, added)
        except IntegrityError:
            # Another process has just added some of them: none of ours was, then.
            known = set(instance.get_dynamic_partitions(partitions))
            left = [key for key in added if key not in known]
            if left:
                instance.add_dynamic_partitions(partitions, left)
    for key in removed:
        instance.delete_dynamic_partition(partitions, key)
