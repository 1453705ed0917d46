-- How JSON becomes typed values. Temporary macros, made anew for each load, so that a file written
-- by another version never brings its own rules along.
-- from_json turns what does not fit into NULL or into other text without a word. So every field is
-- read as text first, and these macros turn the text into the type, or into NULL where it does not fit.

-- from_json reads a page once; only where it finds no list is the page read again.
CREATE OR REPLACE TEMP MACRO api_items(lists, pages, first_page, field) AS TABLE
WITH given AS (
    SELECT lists AS numbers, pages AS bodies, first_page AS before
), page AS (
    SELECT unnest(numbers) AS number, decode(unnest(bodies)) AS body, before + generate_subscripts(bodies, 1) AS page_number
    FROM given
), read AS (
    SELECT *, from_json(body, '{"' || field || '": ["JSON"]}')[field] AS items FROM page
), list AS (
    SELECT number, page_number, CASE
        WHEN items IS NOT NULL THEN items
        WHEN json_type(body) IS DISTINCT FROM 'OBJECT'
            THEN error('page ' || page_number || ' is not a JSON object: ' || left(body, 200))
        -- Some JSON writers send an empty list as null, "" or {}.
        WHEN coalesce((body -> field)::VARCHAR, 'null') NOT IN ('null', '""', '{}')
            THEN error(field || ' of page ' || page_number || ' is not a list: ' || left((body -> field)::VARCHAR, 200))
        ELSE [] END AS items
    FROM read
), item AS (
    SELECT number, page_number, unnest(items) AS item, generate_subscripts(items, 1) AS item_number FROM list
)
SELECT number, page_number * 4294967296 + item_number AS place, coalesce(item, 'null'::JSON) AS item FROM item;

-- A value that could stand for something else than text in the item: only then is the item looked at again.
CREATE OR REPLACE TEMP MACRO api_maybe_no_text(value) AS
    regexp_matches(value, '^([{\[]|true$|false$|-?[0-9]+$)');

CREATE OR REPLACE TEMP MACRO api_text(value, item, path) AS CASE
    WHEN starts_with(value, getvariable('fraction_mark')) THEN NULL
    WHEN api_maybe_no_text(value) AND json_type(item, path) <> 'VARCHAR' THEN NULL
    ELSE value END;

-- Ids come as text or as numbers.
CREATE OR REPLACE TEMP MACRO api_optional_id(value, item, path) AS CASE
    WHEN starts_with(value, getvariable('fraction_mark')) THEN NULL
    WHEN api_maybe_no_text(value) AND NOT regexp_full_match(value, '[0-9]+') AND json_type(item, path) <> 'VARCHAR'
        THEN NULL
    ELSE value END;

CREATE OR REPLACE TEMP MACRO api_id(value, item, path) AS nullif(api_optional_id(value, item, path), '');

CREATE OR REPLACE TEMP MACRO api_bigint(value, item, path) AS CASE
    WHEN regexp_full_match(value, '-?[0-9]+') THEN try_cast(value AS BIGINT) END;

CREATE OR REPLACE TEMP MACRO api_integer(value, item, path) AS CASE
    WHEN regexp_full_match(value, '-?[0-9]+') THEN try_cast(value AS INTEGER) END;

-- Neighbouring families of this API count milliseconds; no time of theirs in seconds is above 10^11.
-- What is before 1970, or after the year 9999, is no time.
CREATE OR REPLACE TEMP MACRO api_time(value, item, path) AS CASE
    WHEN api_bigint(value, item, path) BETWEEN 1 AND 100000000000
        THEN make_timestamptz(api_bigint(value, item, path) * 1000000)
    WHEN api_bigint(value, item, path) BETWEEN 100000000001 AND 253402300799999
        THEN make_timestamptz(api_bigint(value, item, path) * 1000) END;

CREATE OR REPLACE TEMP MACRO api_json(document) AS CASE
    WHEN contains(document::VARCHAR, getvariable('fraction_mark'))
        THEN regexp_replace(document::VARCHAR,
            '"' || getvariable('fraction_mark') || '([-+.0-9eE]+)"', '\1', 'g')::JSON
    ELSE document END;

CREATE OR REPLACE TEMP MACRO api_list(value, item, path) AS CASE
    WHEN starts_with(value::VARCHAR, '[') THEN api_json(value) END;

-- Whether a value that was sent has no place in its column. `nothing` is a regular expression of the texts
-- that stand for no value.
CREATE OR REPLACE TEMP MACRO api_is_unfit(sent, value, nothing) AS CASE
    WHEN sent IS NOT NULL AND value IS NULL THEN NOT regexp_full_match(sent::VARCHAR, nothing) ELSE FALSE END;

-- Whether an object within the item has no other fields than these. What is no object is unknown.
CREATE OR REPLACE TEMP MACRO api_is_known(item, path, keys, fields) AS CASE
    WHEN len(keys) > 0 THEN list_has_all(fields, keys)
    ELSE coalesce(json_type(item, path) IN ('OBJECT', 'NULL'), TRUE) END;
