"""The API in plain Python: calls with one account, lists page by page, errors in two languages.

From the outside in: `window.py`, `league.py` and `quota.py` declare the endpoints; `walk.py` goes through
a list to its proven end, page after page (`paging.py`); `client.py` makes a call with token, rate limit
and retries (`retry.py`, `outage.py`); `request.py` and `transport.py` send it; `decode.py` reads the
answer; `errcodes.py` and `errors.py` say what went wrong; `auth/` gets the tokens. Nothing here knows
Dagster or DuckDB.
"""
