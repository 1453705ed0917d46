"""The error codes of the API with the texts that go with them, and how a refusal is sent."""

from channels_assets.sandbox.models import Json

TEXTS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40066: "invalid url",
    40125: "invalid appsecret",
    40164: "invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist",
    40243: "AppSecret is frozen",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    42001: "access_token expired",
    43002: "require POST method",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
    61003: "component is not authorized by this account",
    61005: "component ticket is expired",
    61006: "component ticket is invalid",
    61007: "api is unauthorized to component",
    61011: "invalid component",
    61023: "refresh_token is invalid",
    76001: "rid not found",
    76002: "invalid rid",
    76003: "no permission to query this rid",
    76021: "cgi_path not found",
    76022: "could not use this cgi_path, no permission",
    10022002: "橱窗因违规被封禁",
    10022006: "参数超出限制",
    10024000: "参数错误",
    10071029: "推客未与机构绑定",
}


class Refusal(Exception):
    """The API says no: an error code and its text, still without the rid."""

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.text = TEXTS.get(code, "unknown error") if text is None else text
        super().__init__(f"{code} {self.text}")

    def answer(self, client_ip: str, rid: str) -> Json:
        """The refusal as it is sent; some texts name the caller's address."""
        text = self.text.replace("{ip}", client_ip)
        return {"errcode": self.code, "errmsg": f"{text} rid: {rid}"}
