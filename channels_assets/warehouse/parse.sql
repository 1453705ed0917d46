-- How JSON becomes typed values. Temporary macros, made anew for each load, so that a file written
-- by another version never brings its own rules along.
-- from_json turns what does not fit into NULL or into other text without a word. So every field is
-- read as text first, and these macros turn the text into the type, or stop the load with error().

-- error(NULL) is NULL and stops nothing: no message below can be NULL.
-- Of a value that is refused only so much is shown that no token that was sent back can be known by it.
CREATE OR REPLACE TEMP MACRO api_shown(value) AS CASE
    WHEN length(value) < 12 THEN value
    ELSE left(value, 8) || '... (' || length(value) || ' characters)' END;

CREATE OR REPLACE TEMP MACRO api_object(item, item_number, list) AS CASE
    WHEN NOT coalesce(starts_with(item::VARCHAR, '{'), FALSE)
        THEN error('item ' || item_number || ' of ' || list || ' is not an object: ' || coalesce(api_shown(item::VARCHAR), 'null'))
    ELSE item END;

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
SELECT number, page_number * 4294967296 + item_number AS place,
    api_object(item, item_number, field || ', page ' || page_number) AS item
FROM item;

-- A value that could stand for something else than text in the item: only then is the item looked at again.
CREATE OR REPLACE TEMP MACRO api_maybe_no_text(value) AS
    regexp_matches(value, '^([{\[]|true$|false$|-?[0-9]+$)');

CREATE OR REPLACE TEMP MACRO api_text(value, item, path) AS CASE
    WHEN starts_with(value, getvariable('fraction_mark'))
        THEN error(path || ' is not text but a number with a fraction')
    WHEN api_maybe_no_text(value) AND json_type(item, path) <> 'VARCHAR'
        THEN error(path || ' is not text: ' || api_shown(value))
    ELSE value END;

-- Ids come as text or as numbers.
CREATE OR REPLACE TEMP MACRO api_optional_id(value, item, path) AS CASE
    WHEN starts_with(value, getvariable('fraction_mark'))
        THEN error(path || ' is not an id but a number with a fraction')
    WHEN api_maybe_no_text(value) AND NOT regexp_full_match(value, '[0-9]+') AND json_type(item, path) <> 'VARCHAR'
        THEN error(path || ' is not an id: ' || api_shown(value))
    ELSE value END;

CREATE OR REPLACE TEMP MACRO api_id(value, item, path) AS CASE
    WHEN value IS NULL OR value = '' THEN error(path || ' is missing')
    ELSE api_optional_id(value, item, path) END;

CREATE OR REPLACE TEMP MACRO api_bigint(value, item, path) AS CASE
    WHEN value IS NULL OR value = '' THEN NULL
    WHEN NOT regexp_full_match(value, '-?[0-9]+') OR try_cast(value AS BIGINT) IS NULL
        THEN error(path || ' is not a whole number of 64 bits: ' || api_shown(replace(value, getvariable('fraction_mark'), '')))
    ELSE try_cast(value AS BIGINT) END;

CREATE OR REPLACE TEMP MACRO api_integer(value, item, path) AS CASE
    WHEN api_bigint(value, item, path) NOT BETWEEN -2147483648 AND 2147483647
        THEN error(path || ' is not a whole number of 32 bits: ' || api_shown(value))
    ELSE try_cast(api_bigint(value, item, path) AS INTEGER) END;

-- Neighbouring families of this API count milliseconds; no time of theirs in seconds is above 10^11.
CREATE OR REPLACE TEMP MACRO api_time(value, item, path) AS CASE
    WHEN api_bigint(value, item, path) = 0 THEN NULL
    -- Before 1970, or after the year 9999.
    WHEN api_bigint(value, item, path) NOT BETWEEN 0 AND 253402300799999
        THEN error(path || ' is not a unix time: ' || api_shown(value))
    WHEN api_bigint(value, item, path) > 100000000000 THEN make_timestamptz(api_bigint(value, item, path) * 1000)
    ELSE make_timestamptz(api_bigint(value, item, path) * 1000000) END;

CREATE OR REPLACE TEMP MACRO api_json(document) AS CASE
    WHEN contains(document::VARCHAR, getvariable('fraction_mark'))
        THEN regexp_replace(document::VARCHAR,
            '"' || getvariable('fraction_mark') || '([-+.0-9eE]+)"', '\1', 'g')::JSON
    ELSE document END;

CREATE OR REPLACE TEMP MACRO api_list(value, item, path) AS CASE
    WHEN starts_with(value::VARCHAR, '[') THEN api_json(value)
    WHEN coalesce(json_type(item, path), 'NULL') = 'NULL' THEN NULL
    ELSE error(path || ' is not a list') END;

-- Whether an object within the item has no other fields than these. What is no object is unknown.
CREATE OR REPLACE TEMP MACRO api_is_known(item, path, keys, fields) AS CASE
    WHEN len(keys) > 0 THEN list_has_all(fields, keys)
    ELSE coalesce(json_type(item, path) IN ('OBJECT', 'NULL'), TRUE) END;
