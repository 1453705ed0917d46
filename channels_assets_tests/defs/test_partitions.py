"""The partition keys of article lists: each list has one key, and each key one list."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels_assets.defs.partitions import ArticleList

HOSTILE = ["export/UzFfAg%2F=", "%", "/", "%2F", "a b", "+", "\0", "\x1b[31m", "\x7f", "\x85", "中"]
IDS = st.text() | st.sampled_from(HOSTILE) | st.lists(st.sampled_from(HOSTILE)).map("".join)
LISTS = st.builds(ArticleList, IDS, IDS, IDS)


@given(article_list=LISTS)
@example(article_list=ArticleList("wx1", "export/UzFfAg%2F=", "wx2"))
def test_a_list_comes_back_from_its_key(article_list: ArticleList) -> None:
    key = article_list.key
    assert ArticleList.of_key(key) == article_list
    assert key.count("/") == 2
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in key)


@given(
    key=st.text()
    | st.lists(st.sampled_from(["a", "/", "%2F", "%2f", "%41", "%FF", "中"])).map("".join)
)
def test_a_key_comes_back_from_its_list_or_is_none(key: str) -> None:
    try:
        article_list = ArticleList.of_key(key)
    except ValueError:
        return
    assert article_list.key == key


@given(left=LISTS, right=LISTS)
def test_two_lists_have_two_keys(left: ArticleList, right: ArticleList) -> None:
    assert (left == right) == (left.key == right.key)


@pytest.mark.parametrize(
    ("article_list", "key"),
    [
        (ArticleList("wx1", "gh_1", "wx2"), "wx1/gh_1/wx2"),
        (ArticleList("wx1", "export/UzFfAg%2F=", "wx2"), "wx1/export%2FUzFfAg%252F=/wx2"),
        (ArticleList("店 1", "a\n", "é+"), "店 1/a%0A/é+"),
    ],
)
def test_ordinary_ids_stay_as_they_are(article_list: ArticleList, key: str) -> None:
    assert article_list.key == key
    assert article_list.problem is None


@pytest.mark.parametrize(
    "key", ["", "a", "a/b", "a/b/c/d", "a/%2f/c", "a/%41/c", "a/%/c", "a/%FF/c"]
)
def test_what_is_the_key_of_no_list(key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of whatever is wrong with it)
        ArticleList.of_key(key)


@pytest.mark.parametrize(
    ("promoter_id", "problem"),
    [("", "empty"), (" ", "empty"), ("a...b", "range"), ("x" * 200, "200")],
)
def test_what_can_not_be_a_key(promoter_id: str, problem: str) -> None:
    assert problem in (ArticleList("a", promoter_id, "c").problem or "")
