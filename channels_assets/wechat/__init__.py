"""The API in plain Python: calls with one account, lists page by page, errors in two languages.

From the outside in: `window.py`, `league.py` and `quota.py` declare the endpoints; `paging.py` walks a
list to its proven end; `client.py` makes a call with token, rate limit and retries; `request.py` and
`transport.py` send it; `decode.py` reads the answer; `errcodes.py` and `errors.py` say what went wrong;
`auth/` gets the tokens. Nothing here knows Dagster or DuckDB.
"""
