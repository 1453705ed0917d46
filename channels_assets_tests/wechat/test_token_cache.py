"""The cache of one token: renewals that fail, while the old token still works and after it."""

from __future__ import annotations

import pytest

from channels_assets.wechat.auth.token_cache import IssuedToken, TokenCache
from channels_assets.wechat.errors import PermissionDenied, TokenRejected, Transient, WeChatError

LIFETIME = 7200.0
ANOTHER_FETCH_SECONDS = 31


class Issuer:
    """Gives out numbered tokens, or fails; has the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.issued = 0
        self.error: WeChatError | None = None
        self.cache = TokenCache(self.fetch, lambda: self.now)

    def fetch(self) -> IssuedToken:
        if self.error is not None:
            raise self.error
        self.issued += 1
        return IssuedToken(f"token {self.issued}", LIFETIME)


@pytest.mark.parametrize("kind", [Transient, PermissionDenied])
def test_a_token_is_used_to_its_end_while_its_renewal_fails(kind: type[WeChatError]) -> None:
    issuer = Issuer()
    assert issuer.cache.token() == "token 1"
    issuer.error = kind("No answer.", endpoint="token")
    for issuer.now in (LIFETIME - 299, LIFETIME - 298, LIFETIME - 1):
        assert issuer.cache.token() == "token 1"
    issuer.now = LIFETIME + ANOTHER_FETCH_SECONDS
    with pytest.raises(kind):
        issuer.cache.token()
    issuer.error = None
    issuer.now += ANOTHER_FETCH_SECONDS
    assert issuer.cache.token() == "token 2"


def test_a_rejected_token_is_not_used_again_while_its_renewal_fails() -> None:
    issuer = Issuer()
    rejected = issuer.cache.token()
    issuer.error = Transient("No answer.", endpoint="token")
    with pytest.raises(Transient):
        issuer.cache.renew(rejected, TokenRejected("It was rejected.", endpoint="list"))
    with pytest.raises(Transient):
        issuer.cache.token()


def test_a_rejected_token_that_is_issued_again_is_not_used() -> None:
    cache = TokenCache(lambda: IssuedToken("the same", LIFETIME))
    rejected = cache.token()
    for _ in range(2):
        with pytest.raises(TokenRejected):
            cache.renew(rejected, TokenRejected("It was rejected.", endpoint="list"))
        with pytest.raises(TokenRejected):
            cache.token()
