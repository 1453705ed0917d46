"""Partition keys follow the lists that exist: new ones are added, vanished ones removed with their rows.

The rows of a removed list leave the current tables and stay in the history tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from dagster import DagsterInstance
from sqlalchemy.exc import IntegrityError

from channels_assets.config import League, Settings
from channels_assets.defs.names import Names
from channels_assets.defs.ownership import claim
from channels_assets.defs.partitions import ArticleList
from channels_assets.warehouse import (
    Store,
    active_promoters,
    active_sharers,
    add_partition_keys,
    linked_account_types,
    own_partition_keys,
    remove_list,
    remove_partition_keys,
    tables,
)

SHARERS, SHOP_PROMOTERS = tables.SHARERS.name, tables.SHOP_PROMOTERS.name


@dataclass(frozen=True)
class Problem:
    """Why lists that channels.toml asks for can't be refreshed, or vanished ones were not removed.

    `asset` is the discovery asset whose rows show it, None for either; `blocking` if it concerns all
    article lists.
    """

    text: str
    asset: str | None = None
    blocking: bool = False


@dataclass(frozen=True)
class Discovered:
    """What changed in a partition set.

    `others` are keys that this data folder has not added: they are left alone.
    """

    known: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def own_lists(instance: DagsterInstance, store: Store, partition_set: str) -> list[str]:
    """The lists of this data folder, in Dagster's order."""
    with store.writing() as connection:
        own = set(own_partition_keys(connection, partition_set))
    return [key for key in instance.get_dynamic_partitions(partition_set) if key in own]


def sync_windows(instance: DagsterInstance, store: Store, settings: Settings) -> Discovered:
    """The windows' keys are what channels.toml says: a list taken out of it goes at once.

    Raises OwnedByAnother.
    """
    claim(instance, store, settings)
    partition_set = Names.of(settings).windows
    wanted = dict.fromkeys(window.key for window in settings.window)
    known = dict.fromkeys(instance.get_dynamic_partitions(partition_set))
    with store.writing() as connection:
        removed = [
            key for key in own_partition_keys(connection, partition_set) if key not in wanted
        ]
        for key in removed:
            remove_list(connection, tables.WINDOW_PRODUCTS, {"window": key}, partition=key)
        add_partition_keys(connection, partition_set, list(wanted))
    added = [key for key in wanted if key not in known]
    _change(instance, store, partition_set, added, removed)
    ours = {*wanted, *removed}
    others = tuple(key for key in known if key not in ours)
    return Discovered(len(wanted), tuple(added), tuple(removed), others)


def sync_article_lists(
    instance: DagsterInstance, store: Store, settings: Settings, *, prune: bool = False
) -> Discovered:
    """The article lists' keys are: linked accounts of type 4 and 5 of cooperating shops x chosen sharers.

    When more than half of the known keys would vanish at once, none is removed, unless `prune`: one
    bad answer must not empty a warehouse. Raises OwnedByAnother.
    """
    claim(instance, store, settings)
    partition_set = Names.of(settings).article_lists
    in_dagster = dict.fromkeys(instance.get_dynamic_partitions(partition_set))
    with store.writing() as connection:
        promoters = active_promoters(connection)
        account_types = linked_account_types(connection)
        bound = active_sharers(connection)
        own = own_partition_keys(connection, partition_set)
    known = [key for key in own if key in in_dagster]
    if settings.league is None:
        return Discovered(len(known))
    chosen, problems = _chosen(settings.league, bound)
    if account_types and not promoters:
        problems.append(_no_articles(account_types))
    if chosen is None:
        return Discovered(len(known), problems=tuple(problems))
    lists = [
        ArticleList(promoter.shop_appid, promoter.promoter_id, sharer)
        for promoter in promoters
        for sharer in chosen
    ]
    for article_list in lists:
        if article_list.problem:
            problems.append(
                Problem(
                    f"The list {article_list.key[:80]!r} can't be a partition: its key "
                    f"{article_list.problem}."
                )
            )
    wanted = dict.fromkeys(each.key for each in lists if not each.problem)
    added = [key for key in wanted if key not in in_dagster]
    vanished = [key for key in own if key not in wanted]
    if 2 * len(vanished) > len(known) and not prune:
        text = (
            f"{len(vanished)} of {len(known)} article lists would vanish at once, so none was removed. "
            "If they are really gone: `channels-assets partitions --prune`. "
            "超过一半的文章列表同时消失，未做删除；如确已不存在，请运行 channels-assets partitions --prune。"
        )
        problems.append(Problem(text, blocking=True))
        vanished = []
    with store.writing() as connection:
        for key in vanished:
            scope = asdict(ArticleList.of_key(key))
            remove_list(connection, tables.SHOP_ARTICLES, scope, partition=key)
        add_partition_keys(connection, partition_set, list(wanted))
    _change(instance, store, partition_set, added, vanished)
    ours = {*own, *wanted}
    return Discovered(
        len({*known, *wanted} - {*vanished}),
        tuple(added),
        tuple(vanished),
        tuple(key for key in in_dagster if key not in ours),
        tuple(problems),
    )


def forget_everything(instance: DagsterInstance, store: Store, settings: Settings) -> None:
    """Deletes our own partition keys, and what was recorded of our own assets, from the Dagster instance."""
    names = Names.of(settings)
    for partition_set in (names.windows, names.article_lists):
        for key in own_lists(instance, store, partition_set):
            instance.delete_dynamic_partition(partition_set, key)
    recorded = set(instance.all_asset_keys())
    instance.wipe_assets([key for key in names.asset_keys.values() if key in recorded])


def _chosen(league: League, bound: list[str]) -> tuple[list[str] | None, list[Problem]]:
    """The sharers whose links are wanted, and what is wrong with the choice; None if undecided."""
    if not bound:
        text = (
            "No sharer is bound to the agency, and articles are asked for a sharer: bind one "
            "(联盟带货机构 console → 推客带货). 该机构尚未绑定任何推客，无法获取文章：请先绑定推客。"
        )
        return [], [Problem(text, SHARERS, blocking=True)]
    if league.sharers is None and len(bound) > 1:
        text = (
            f"{len(bound)} sharers are bound to the agency: say in channels.toml whose share links are "
            f'wanted, `sharers = ["{bound[0]}"]` or `sharers = "all"` in [league]. '
            "该机构绑定了多个推客，请在 channels.toml 的 [league] 中用 sharers 指定。"
        )
        return None, [Problem(text, SHARERS, blocking=True)]
    if league.sharers is None or league.sharers == "all":
        return bound, []
    known = set(bound)
    chosen = [sharer for sharer in league.sharers if sharer in known]
    return chosen, [
        Problem(
            f"The sharer {sharer} is not bound to this agency and is left out: bind it, or take it out "
            "of `sharers` in channels.toml. 推客未绑定该机构，已跳过。",
            SHARERS,
            blocking=not chosen,
        )
        for sharer in league.sharers
        if sharer not in known
    ]


def _no_articles(account_types: Mapping[int, int]) -> Problem:
    found = ", ".join(f"{count} of type {kind}" for kind, count in account_types.items())
    text = (
        "No account that is linked to a cooperating shop publishes articles: only accounts of type 4 "
        f"(公众号) and 5 (服务号) do, and there are {found} (1 is 视频号). Let the shops link such an account, "
        "or take [league] out of channels.toml. "
        "合作小店的关联账号中没有公众号或服务号，无文章可拉取：请让小店关联公众号或服务号，"
        "或从 channels.toml 中去掉 [league]。"
    )
    return Problem(text, SHOP_PROMOTERS, blocking=True)


def _change(
    instance: DagsterInstance,
    store: Store,
    partition_set: str,
    added: list[str],
    removed: list[str],
) -> None:
    """Our own keys are stored as ours before they are added and until they are deleted, so that a process
    that dies in between loses none."""
    if added:
        try:
            instance.add_dynamic_partitions(partition_set, added)
        except IntegrityError:
            # Another process has just added some of them, so none of ours was added.
            known = set(instance.get_dynamic_partitions(partition_set))
            left = [key for key in added if key not in known]
            if left:
                instance.add_dynamic_partitions(partition_set, left)
    for key in removed:
        instance.delete_dynamic_partition(partition_set, key)
    if removed:
        with store.writing() as connection:
            remove_partition_keys(connection, partition_set, removed)
