-- How JSON becomes typed values. Temporary macros, made anew for each load, so that a file written
-- by another version never brings its own rules along.
-- from_json turns what does not fit into NULL or into other text without a word. So every field is
-- read as text first, and these macros turn the text into the type, or stop the load with error().

-- error(NULL) is NULL and stops nothing: no message below can be NULL.
CREATE OR REPLACE TEMP MACRO api_object(item, item_number, list) AS CASE
    WHEN NOT coalesce(starts_with(item::VARCHAR, '{'), FALSE)
        THEN error('item ' || item_number || ' of ' || list || ' is not an object: ' || coalesce(left(item::VARCHAR, 200), 'null'))
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
        WHEN coalesce(json_type(body, field), 'NULL') <> 'NULL'
            THEN error(field || ' of page ' || page_number || ' is not a list: ' || left((body -> field)::VARCHAR, 200))
        ELSE [] END AS items
    FROM read
), item AS (
    SELECT number, page_number, unnest(items) AS item, generate_subscripts(items, 1) AS item_number FROM list
)
SELECT number, page_number * 4294967296 + item_number AS place,
    api_object(item, item_number, field || ', page ' || page_number) AS item
FROM item;

CREATE OR REPLACE TEMP MACRO api_text(value, item, path) AS CASE
    WHEN (starts_with(value, '{') OR starts_with(value, '[') OR value IN ('true', 'false'))
        AND json_type(item, path) <> 'VARCHAR'
        THEN error(path || ' is neither text nor a number: ' || left(value, 200))
    WHEN starts_with(value, getvariable('fraction_mark'))
        THEN substr(value, length(getvariable('fraction_mark')) + 1)
    ELSE value END;

CREATE OR REPLACE TEMP MACRO api_id(value, item, path) AS CASE
    WHEN value IS NULL THEN error(path || ' is missing in ' || left(item::VARCHAR, 200))
    WHEN starts_with(value, getvariable('fraction_mark'))
        THEN error(path || ' is not an id: ' || substr(value, length(getvariable('fraction_mark')) + 1))
    ELSE api_text(value, item, path) END;

CREATE OR REPLACE TEMP MACRO api_bigint(value, item, path) AS CASE
    WHEN value IS NULL OR value = '' THEN NULL
    WHEN NOT regexp_full_match(value, '-?[0-9]+') OR try_cast(value AS BIGINT) IS NULL
        THEN error(path || ' is not a whole number of 64 bits: ' || left(replace(value, getvariable('fraction_mark'), ''), 200))
    ELSE try_cast(value AS BIGINT) END;

CREATE OR REPLACE TEMP MACRO api_integer(value, item, path) AS CASE
    WHEN api_bigint(value, item, path) NOT BETWEEN -2147483648 AND 2147483647
        THEN error(path || ' is not a whole number of 32 bits: ' || value)
    ELSE try_cast(api_bigint(value, item, path) AS INTEGER) END;

-- Neighbouring families of this API count milliseconds; no time of theirs in seconds is above 10^11.
CREATE OR REPLACE TEMP MACRO api_time(value, item, path) AS CASE
    WHEN api_bigint(value, item, path) = 0 THEN NULL
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
    ELSE error(path || ' is not a list: ' || left(item::VARCHAR, 200)) END;

-- Whether an object within the item has no other fields than these. What is no object is unknown.
CREATE OR REPLACE TEMP MACRO api_is_known(item, path, keys, fields) AS CASE
    WHEN len(keys) > 0 THEN list_has_all(fields, keys)
    ELSE coalesce(json_type(item, path) IN ('OBJECT', 'NULL'), TRUE) END;
