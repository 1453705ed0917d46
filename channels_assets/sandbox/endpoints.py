"""The paths of calls that are no lists, and what describes a list. The lists: lists.py."""

from dataclasses import dataclass
from typing import Literal

AccountType = Literal["window", "league"]


@dataclass(frozen=True)
class ListEndpoint:
    """One paged list: which account may call it, the page size, and the names of its fields."""

    path: str
    account: AccountType
    list_field: str
    cursor_field: str
    page_limit: int
    bad_parameter: int
    success: int | str = 0
    """The `errcode` of a success: some lists send it as a string."""
    sends_has_more: bool = True


TOKEN = "/cgi-bin/token"  # noqa: S105 - a path, not a secret
STABLE_TOKEN = "/cgi-bin/stable_token"  # noqa: S105 - a path, not a secret
COMPONENT_TOKEN = "/cgi-bin/component/api_component_token"  # noqa: S105 - a path, not a secret
AUTHORIZER_TOKEN = "/cgi-bin/component/api_authorizer_token"  # noqa: S105 - a path, not a secret
QUOTA_GET = "/cgi-bin/openapi/quota/get"
CLEAR_QUOTA = "/cgi-bin/clear_quota"
RID_GET = "/cgi-bin/openapi/rid/get"

TOKEN_PATHS = (TOKEN, STABLE_TOKEN)
COMPONENT_PATHS = (COMPONENT_TOKEN, AUTHORIZER_TOKEN)
MANAGEMENT_PATHS = (QUOTA_GET, CLEAR_QUOTA, RID_GET)
