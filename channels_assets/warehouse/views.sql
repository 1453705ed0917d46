-- Views for people, in yuan, percent and names, and macros for the rows of an earlier time. They hold no
-- data: schema.py makes them anew in a file that has those of another version of this text.
-- Amounts are multiplied by decimals, never divided: DuckDB's division goes through DOUBLE.
-- Days are days in China, independent of the reader's time zone.

CREATE VIEW product_names AS
SELECT product_id, max_by(product_name, coalesce(valid_to, 'infinity'::TIMESTAMPTZ)) AS product_name
FROM article_products_history WHERE product_name <> '' GROUP BY product_id;
COMMENT ON VIEW product_names IS 'The latest name of every product that an article promotes or promoted. The window API sends no names: this is where those of products in windows come from';
COMMENT ON COLUMN product_names.product_id IS 'Product id in its shop: article_products.product_id';
COMMENT ON COLUMN product_names.product_name IS 'The name it has now, or had last';

CREATE VIEW article_commissions AS
SELECT
    p.shop_appid, s.shop_nickname, p.promoter_id, a.promoter_type, o.promoter_name,
    p.sharer_appid, h.nickname AS sharer_nickname,
    p.article_url, a.article_title, p.product_id, p.product_name,
    (p.predict_commission_amount::DECIMAL(19, 0) * 0.01)::DECIMAL(21, 2) AS predict_commission_yuan,
    (p.commission_rate::DECIMAL(10, 0) * 0.0001)::DECIMAL(12, 4) AS commission_percent,
    p.fetched_at
FROM article_products p
LEFT JOIN shop_articles a USING (shop_appid, promoter_id, sharer_appid, article_url)
LEFT JOIN cooperating_shops s USING (shop_appid)
LEFT JOIN shop_promoters o USING (shop_appid, promoter_id)
LEFT JOIN sharers h USING (sharer_appid);
COMMENT ON VIEW article_commissions IS 'article_products for people: yuan, percent, and the names of article, shop, account and sharer. The same product of the same article comes once for each sharer';
COMMENT ON COLUMN article_commissions.shop_appid IS 'See article_products';
COMMENT ON COLUMN article_commissions.shop_nickname IS 'See cooperating_shops';
COMMENT ON COLUMN article_commissions.promoter_id IS 'See article_products';
COMMENT ON COLUMN article_commissions.promoter_type IS 'See shop_articles: 4 公众号, 5 服务号';
COMMENT ON COLUMN article_commissions.promoter_name IS 'The account that published the article: shop_promoters.promoter_name';
COMMENT ON COLUMN article_commissions.sharer_appid IS 'See article_products';
COMMENT ON COLUMN article_commissions.sharer_nickname IS 'See sharers.nickname';
COMMENT ON COLUMN article_commissions.article_url IS 'See article_products';
COMMENT ON COLUMN article_commissions.article_title IS 'See shop_articles';
COMMENT ON COLUMN article_commissions.product_id IS 'See article_products';
COMMENT ON COLUMN article_commissions.product_name IS 'See article_products';
COMMENT ON COLUMN article_commissions.predict_commission_yuan IS 'predict_commission_amount in yuan: what the agency may expect per sale';
COMMENT ON COLUMN article_commissions.commission_percent IS 'commission_rate in percent';
COMMENT ON COLUMN article_commissions.fetched_at IS 'When the article''s list was read from the API';

CREATE VIEW best_articles AS
WITH offer AS (
    -- Only the share link depends on the sharer: of several lists, the latest one counts.
    FROM article_commissions
    QUALIFY row_number() OVER (
        PARTITION BY shop_appid, promoter_id, article_url, product_id ORDER BY fetched_at DESC, sharer_appid
    ) = 1
), of_article AS (
    SELECT
        shop_appid, promoter_id, article_url,
        count(*) AS products,
        max(predict_commission_yuan) AS best_commission_yuan,
        max_by(product_name, (predict_commission_yuan, product_id)) FILTER (predict_commission_yuan IS NOT NULL)
            AS best_product_name,
        avg(predict_commission_yuan)::DECIMAL(21, 2) AS average_commission_yuan,
        max(commission_percent) AS best_commission_percent
    FROM offer GROUP BY ALL
), article AS (
    SELECT
        shop_appid, promoter_id, article_url,
        max_by(promoter_type, load_id) AS promoter_type,
        max_by(article_title, load_id) AS article_title,
        max(update_time) AS update_time,
        count(*) FILTER (promoter_share_link <> '') AS share_links
    FROM shop_articles GROUP BY ALL
)
SELECT
    article_title, best_commission_yuan, best_product_name, average_commission_yuan, best_commission_percent,
    coalesce(products, 0) AS products, shop_nickname, promoter_name, promoter_type, share_links, update_time,
    article_url, shop_appid, promoter_id
FROM article
LEFT JOIN of_article USING (shop_appid, promoter_id, article_url)
LEFT JOIN cooperating_shops USING (shop_appid)
LEFT JOIN (SELECT shop_appid, promoter_id, promoter_name FROM shop_promoters) USING (shop_appid, promoter_id)
ORDER BY best_commission_yuan DESC NULLS LAST, article_url, shop_appid, promoter_id;
COMMENT ON VIEW best_articles IS 'Every article once, whoever shares it, the best-paid first: by the most that one sale of one of its products brings';
COMMENT ON COLUMN best_articles.article_title IS 'See shop_articles';
COMMENT ON COLUMN best_articles.best_commission_yuan IS 'Commission per sale of its best-paid product, in yuan, a forecast; NULL without products';
COMMENT ON COLUMN best_articles.best_product_name IS 'Name of that product';
COMMENT ON COLUMN best_articles.average_commission_yuan IS 'Commission per sale in yuan, the average of its products';
COMMENT ON COLUMN best_articles.best_commission_percent IS 'The highest commission rate of its products, in percent';
COMMENT ON COLUMN best_articles.products IS 'Number of products in it';
COMMENT ON COLUMN best_articles.shop_nickname IS 'See cooperating_shops';
COMMENT ON COLUMN best_articles.promoter_name IS 'The account that published it: shop_promoters.promoter_name';
COMMENT ON COLUMN best_articles.promoter_type IS 'See shop_articles: 4 公众号, 5 服务号';
COMMENT ON COLUMN best_articles.share_links IS 'Number of sharers with a share link for it';
COMMENT ON COLUMN best_articles.update_time IS 'See shop_articles';
COMMENT ON COLUMN best_articles.article_url IS 'See shop_articles';
COMMENT ON COLUMN best_articles.shop_appid IS 'See shop_articles';
COMMENT ON COLUMN best_articles.promoter_id IS 'See shop_articles';

CREATE VIEW products_in_windows AS
SELECT
    w."window", position, CASE product_source WHEN 0 THEN 'own' WHEN 1 THEN 'affiliate' ELSE product_source::VARCHAR END
        AS source,
    product_name, shop_nickname, w.product_id, shop_appid, out_product_id,
    coalesce(nullif(out_product_id, ''), w.product_id) AS shop_product_id, w.fetched_at
FROM window_products w
LEFT JOIN product_names n ON n.product_id = coalesce(nullif(out_product_id, ''), w.product_id)
LEFT JOIN (SELECT shop_appid, shop_nickname FROM cooperating_shops) USING (shop_appid)
ORDER BY w."window", position;
COMMENT ON VIEW products_in_windows IS 'window_products for people: own or affiliate in words, with the names of shop and product where they are known';
COMMENT ON COLUMN products_in_windows."window" IS 'See window_products. A reserved word: write it as "window"';
COMMENT ON COLUMN products_in_windows.position IS 'See window_products';
COMMENT ON COLUMN products_in_windows.source IS 'own (自营) or affiliate (选品中心, selection centre); another number as sent';
COMMENT ON COLUMN products_in_windows.product_name IS 'Name, NULL unless an article promotes or promoted the product: the window API sends none';
COMMENT ON COLUMN products_in_windows.shop_nickname IS 'Name of the shop, NULL for affiliate products and for shops that do not cooperate with the agency';
COMMENT ON COLUMN products_in_windows.product_id IS 'See window_products';
COMMENT ON COLUMN products_in_windows.shop_appid IS 'See window_products';
COMMENT ON COLUMN products_in_windows.out_product_id IS 'See window_products';
COMMENT ON COLUMN products_in_windows.shop_product_id IS 'The product''s id in its shop, as articles name it: out_product_id, or product_id where there is none';
COMMENT ON COLUMN products_in_windows.fetched_at IS 'See window_products';

CREATE VIEW products_in_window_and_articles AS
SELECT
    w."window", w.position, w.source, c.product_name, c.predict_commission_yuan, c.commission_percent,
    c.article_title, c.shop_nickname, c.promoter_name, w.product_id, w.shop_product_id,
    c.article_url, c.shop_appid, c.promoter_id
FROM products_in_windows w JOIN article_commissions c ON c.product_id = w.shop_product_id
QUALIFY row_number() OVER (
    PARTITION BY w."window", w.product_id, c.shop_appid, c.promoter_id, c.article_url
    ORDER BY c.fetched_at DESC, c.sharer_appid
) = 1
ORDER BY w."window", w.position, c.predict_commission_yuan DESC NULLS LAST, c.article_url, c.shop_appid, c.promoter_id;
COMMENT ON VIEW products_in_window_and_articles IS 'Which promoted products are in whose window: one row per product in a window and article that promotes it, whoever shares it';
COMMENT ON COLUMN products_in_window_and_articles."window" IS 'See window_products. A reserved word: write it as "window"';
COMMENT ON COLUMN products_in_window_and_articles.position IS 'Its place in the window';
COMMENT ON COLUMN products_in_window_and_articles.source IS 'See products_in_windows';
COMMENT ON COLUMN products_in_window_and_articles.product_name IS 'Name in the article';
COMMENT ON COLUMN products_in_window_and_articles.predict_commission_yuan IS 'See article_commissions';
COMMENT ON COLUMN products_in_window_and_articles.commission_percent IS 'See article_commissions';
COMMENT ON COLUMN products_in_window_and_articles.article_title IS 'See shop_articles';
COMMENT ON COLUMN products_in_window_and_articles.shop_nickname IS 'The article''s shop: cooperating_shops.shop_nickname';
COMMENT ON COLUMN products_in_window_and_articles.promoter_name IS 'The article''s account: shop_promoters.promoter_name';
COMMENT ON COLUMN products_in_window_and_articles.product_id IS 'Its id in the window: window_products.product_id';
COMMENT ON COLUMN products_in_window_and_articles.shop_product_id IS 'Its id in the shop, by which the two were matched: see products_in_windows';
COMMENT ON COLUMN products_in_window_and_articles.article_url IS 'See shop_articles';
COMMENT ON COLUMN products_in_window_and_articles.shop_appid IS 'The article''s shop: shop_articles.shop_appid';
COMMENT ON COLUMN products_in_window_and_articles.promoter_id IS 'The article''s account: shop_articles.promoter_id';

CREATE VIEW window_changes AS
WITH state AS (
    SELECT
        *,
        lead(valid_from) OVER of_product AS next_from,
        lag({'a': account_appid, 's': shop_appid, 'o': out_product_id, 'p': product_source, 'e': extra})
            OVER of_product AS before
    FROM window_products_history
    WINDOW of_product AS (PARTITION BY "window", product_id ORDER BY valid_from)
), change AS (
    SELECT
        "window", valid_from AS changed_at, change, product_id, shop_appid, out_product_id, product_source, position,
        CASE WHEN change = 'changed' THEN list_filter([
            CASE WHEN account_appid IS DISTINCT FROM before.a THEN 'account_appid' END,
            CASE WHEN shop_appid IS DISTINCT FROM before.s THEN 'shop_appid' END,
            CASE WHEN out_product_id IS DISTINCT FROM before.o THEN 'out_product_id' END,
            CASE WHEN product_source IS DISTINCT FROM before.p THEN 'product_source' END,
            CASE WHEN extra IS DISTINCT FROM before.e THEN 'extra' END
        ], lambda name: name IS NOT NULL) END AS changed_columns
    FROM state
    UNION ALL
    SELECT "window", valid_to, 'removed', product_id, shop_appid, out_product_id, product_source, NULL, NULL
    FROM state WHERE valid_to IS NOT NULL AND next_from IS DISTINCT FROM valid_to
), moment AS (
    SELECT
        "window", changed_at,
        count(*) FILTER (change = 'added') AS come, count(*) FILTER (change = 'removed') AS gone
    FROM change GROUP BY ALL
), sized AS (
    SELECT *, sum(come - gone) OVER (PARTITION BY "window" ORDER BY changed_at) AS size FROM moment
)
SELECT
    (changed_at AT TIME ZONE 'Asia/Shanghai')::DATE AS day, c."window", change,
    product_name, c.product_id, shop_nickname, c.shop_appid, out_product_id, product_source, position,
    changed_columns, changed_at, size = 0 OR size - come + gone = 0 AS whole_list
FROM change c
JOIN sized USING ("window", changed_at)
LEFT JOIN product_names n ON n.product_id = coalesce(nullif(out_product_id, ''), c.product_id)
LEFT JOIN (SELECT shop_appid, shop_nickname FROM cooperating_shops) USING (shop_appid)
ORDER BY changed_at, c."window", change, position, c.product_id;
COMMENT ON VIEW window_changes IS 'Every change of every window, as noticed by its refreshes: products added, removed, moved (only their place among those that stayed) or changed (a value)';
COMMENT ON COLUMN window_changes.day IS 'Day of changed_at in China';
COMMENT ON COLUMN window_changes."window" IS 'See window_products. A reserved word: write it as "window"';
COMMENT ON COLUMN window_changes.change IS 'added, removed, moved or changed';
COMMENT ON COLUMN window_changes.product_name IS 'See products_in_windows';
COMMENT ON COLUMN window_changes.product_id IS 'See window_products';
COMMENT ON COLUMN window_changes.shop_nickname IS 'See products_in_windows';
COMMENT ON COLUMN window_changes.shop_appid IS 'See window_products; after the change, of a removed product as it was';
COMMENT ON COLUMN window_changes.out_product_id IS 'See window_products; after the change, of a removed product as it was';
COMMENT ON COLUMN window_changes.product_source IS 'See window_products; after the change, of a removed product as it was';
COMMENT ON COLUMN window_changes.position IS 'Place in the list after the change, NULL when removed';
COMMENT ON COLUMN window_changes.changed_columns IS 'Names of the columns of window_products that changed; NULL unless change is changed';
COMMENT ON COLUMN window_changes.changed_at IS 'The refresh that noticed it: when it read the list. The change came some time after the refresh before';
COMMENT ON COLUMN window_changes.whole_list IS 'Whether nothing was in the window before, or nothing is after: its first load, its removal, its return. Leave these out to see what changed within a window';

CREATE VIEW commission_changes AS
WITH state AS (
    SELECT
        *,
        lag(valid_to) OVER of_product AS old_until,
        lag(predict_commission_amount) OVER of_product AS old_amount,
        lag(commission_rate) OVER of_product AS old_rate
    FROM article_products_history
    WINDOW of_product AS (
        PARTITION BY shop_appid, promoter_id, sharer_appid, article_url, product_id ORDER BY valid_from
    )
)
SELECT
    (valid_from AT TIME ZONE 'Asia/Shanghai')::DATE AS day, valid_from AS changed_at, c.product_name,
    (old_amount::DECIMAL(19, 0) * 0.01)::DECIMAL(21, 2) AS old_commission_yuan,
    (c.predict_commission_amount::DECIMAL(19, 0) * 0.01)::DECIMAL(21, 2) AS new_commission_yuan,
    (old_rate::DECIMAL(10, 0) * 0.0001)::DECIMAL(12, 4) AS old_commission_percent,
    (c.commission_rate::DECIMAL(10, 0) * 0.0001)::DECIMAL(12, 4) AS new_commission_percent,
    a.article_title, s.shop_nickname, o.promoter_name, h.nickname AS sharer_nickname, old_until,
    c.product_id, c.article_url, c.shop_appid, c.promoter_id, c.sharer_appid,
    old_amount AS old_predict_commission_amount, c.predict_commission_amount AS new_predict_commission_amount,
    old_rate AS old_commission_rate, c.commission_rate AS new_commission_rate
FROM state c
LEFT JOIN shop_articles a USING (shop_appid, promoter_id, sharer_appid, article_url)
LEFT JOIN cooperating_shops s USING (shop_appid)
LEFT JOIN shop_promoters o USING (shop_appid, promoter_id)
LEFT JOIN sharers h USING (sharer_appid)
WHERE old_until IS NOT NULL
AND (old_amount IS DISTINCT FROM c.predict_commission_amount OR old_rate IS DISTINCT FROM c.commission_rate)
ORDER BY changed_at, shop_appid, promoter_id, article_url, c.product_id, sharer_appid;
COMMENT ON VIEW commission_changes IS 'Every change of a commission, per product, article and sharer. A product that was away and is back at another commission is one too; one that comes or goes is not';
COMMENT ON COLUMN commission_changes.day IS 'Day of changed_at in China';
COMMENT ON COLUMN commission_changes.changed_at IS 'The refresh that noticed it: when it read the list';
COMMENT ON COLUMN commission_changes.product_name IS 'See article_products; after the change';
COMMENT ON COLUMN commission_changes.old_commission_yuan IS 'predict_commission_amount before, in yuan';
COMMENT ON COLUMN commission_changes.new_commission_yuan IS 'predict_commission_amount after, in yuan';
COMMENT ON COLUMN commission_changes.old_commission_percent IS 'commission_rate before, in percent';
COMMENT ON COLUMN commission_changes.new_commission_percent IS 'commission_rate after, in percent';
COMMENT ON COLUMN commission_changes.article_title IS 'See shop_articles; NULL when the article is no longer there';
COMMENT ON COLUMN commission_changes.shop_nickname IS 'See cooperating_shops';
COMMENT ON COLUMN commission_changes.promoter_name IS 'The article''s account: shop_promoters.promoter_name';
COMMENT ON COLUMN commission_changes.sharer_nickname IS 'See sharers.nickname';
COMMENT ON COLUMN commission_changes.old_until IS 'When the old commission was last there: changed_at, or earlier when the product was away in between';
COMMENT ON COLUMN commission_changes.product_id IS 'See article_products';
COMMENT ON COLUMN commission_changes.article_url IS 'See article_products';
COMMENT ON COLUMN commission_changes.shop_appid IS 'See article_products';
COMMENT ON COLUMN commission_changes.promoter_id IS 'See article_products';
COMMENT ON COLUMN commission_changes.sharer_appid IS 'See article_products';
COMMENT ON COLUMN commission_changes.old_predict_commission_amount IS 'Before, in fen as sent';
COMMENT ON COLUMN commission_changes.new_predict_commission_amount IS 'After, in fen as sent';
COMMENT ON COLUMN commission_changes.old_commission_rate IS 'Before, in parts per million as sent';
COMMENT ON COLUMN commission_changes.new_commission_rate IS 'After, in parts per million as sent';

CREATE VIEW list_freshness AS
WITH loaded AS (
    SELECT
        asset, "partition", max_by(finished_at, load_id) AS loaded_at, max_by("rows", load_id) AS "rows",
        max_by(end_reason, load_id) AS end_reason
    FROM loads GROUP BY ALL HAVING max_by(end_reason, load_id) <> 'removed'
), known AS (
    SELECT asset, "partition" FROM loaded UNION SELECT asset, "partition" FROM failures
), part AS (
    -- Ids are percent-encoded in the keys of article lists.
    SELECT *, CASE WHEN asset IN ('shop_articles', 'article_products')
        THEN [coalesce(try(url_decode(id)), id) FOR id IN string_split("partition", '/')] ELSE ["partition"] END AS parts
    FROM known
), freshness_rule AS (
    SELECT asset, coalesce(value::DOUBLE, CASE
        WHEN asset = 'window_products' THEN 2
        WHEN asset IN ('shop_articles', 'article_products') THEN 12
        ELSE 24 END) AS fresh_hours
    FROM (SELECT DISTINCT asset FROM known) LEFT JOIN meta ON key = 'fresh_hours.' || asset
)
SELECT
    asset, p."partition",
    CASE
        WHEN p."partition" IS NULL THEN asset
        WHEN asset IN ('shop_articles', 'article_products') THEN concat_ws(' / ',
            coalesce(nullif(shop_nickname, ''), parts[1]), coalesce(nullif(promoter_name, ''), parts[2]),
            coalesce(nullif(nickname, ''), parts[3]))
        WHEN asset = 'shop_promoters' THEN coalesce(nullif(shop_nickname, ''), p."partition")
        ELSE p."partition" END AS list_name,
    -- A load in the future was written while a clock was ahead; the clocks of machines differ a little.
    coalesce(epoch(now()) - epoch(loaded_at) BETWEEN -300 AND fresh_hours * 3600, FALSE) AS is_fresh,
    round((epoch(now()) - epoch(loaded_at)) / 3600, 2) AS age_hours,
    fresh_hours, l."rows", loaded_at, l.end_reason, failed_at, error_class, error
FROM part p
JOIN freshness_rule USING (asset)
LEFT JOIN loaded l ON l.asset = p.asset AND l."partition" IS NOT DISTINCT FROM p."partition"
LEFT JOIN failures f ON f.asset = p.asset AND f."partition" IS NOT DISTINCT FROM p."partition"
LEFT JOIN cooperating_shops s ON s.shop_appid = parts[1]
LEFT JOIN shop_promoters o ON o.shop_appid = parts[1] AND o.promoter_id = parts[2]
LEFT JOIN sharers h ON h.sharer_appid = parts[3]
-- The accounts of a shop that has left are no longer refreshed.
WHERE p.asset <> 'shop_promoters' OR coalesce(s.is_active, TRUE)
ORDER BY is_fresh, age_hours DESC NULLS FIRST, asset, p."partition";
COMMENT ON VIEW list_freshness IS 'Every list that was ever tried and has not vanished, the stalest first: when it was loaded, whether that is recent enough, and why its last try failed';
COMMENT ON COLUMN list_freshness.asset IS 'The table the list is in';
COMMENT ON COLUMN list_freshness."partition" IS 'Which list: the asset''s partition key; NULL for assets without partitions';
COMMENT ON COLUMN list_freshness.list_name IS 'The partition by names: of shop, account and sharer where they are known';
COMMENT ON COLUMN list_freshness.is_fresh IS 'Whether it was loaded within fresh_hours before now; FALSE when it never was, and when its load is from the future (a clock was ahead). A failure since then does not change that';
COMMENT ON COLUMN list_freshness.age_hours IS 'Hours from its last load until now, NULL when it was never loaded; negative when a clock was ahead then';
COMMENT ON COLUMN list_freshness.fresh_hours IS 'How old it may be: [freshness] of channels.toml as of the last command, else its default';
COMMENT ON COLUMN list_freshness."rows" IS 'Number of rows of its last load';
COMMENT ON COLUMN list_freshness.loaded_at IS 'When it was last loaded';
COMMENT ON COLUMN list_freshness.end_reason IS 'How the end of its last walk was proven: see loads';
COMMENT ON COLUMN list_freshness.failed_at IS 'When its last try failed; NULL when it did not';
COMMENT ON COLUMN list_freshness.error_class IS 'See failures';
COMMENT ON COLUMN list_freshness.error IS 'What happened and what to do; NULL when the last try did not fail';

CREATE VIEW coverage AS
SELECT
    asset, count(*) AS known, count(*) FILTER (is_fresh) AS fresh, count(*) FILTER (NOT is_fresh) AS stale,
    count(*) FILTER (error IS NOT NULL) AS failed, count(*) FILTER (loaded_at IS NULL) AS never_loaded,
    any_value(fresh_hours) AS fresh_hours, max(age_hours) AS oldest_hours, max(loaded_at) AS newest_load
FROM list_freshness GROUP BY asset ORDER BY asset;
COMMENT ON VIEW coverage IS 'How much of what is known is there and recent: lists per asset. known = fresh + stale';
COMMENT ON COLUMN coverage.asset IS 'The table the lists are in';
COMMENT ON COLUMN coverage.known IS 'Lists that were ever tried and have not vanished; Dagster may know further ones that were never tried';
COMMENT ON COLUMN coverage.fresh IS 'Those loaded within fresh_hours before now';
COMMENT ON COLUMN coverage.stale IS 'The others: older, or never loaded';
COMMENT ON COLUMN coverage.failed IS 'Those whose last try failed, fresh or stale: failures has the reasons';
COMMENT ON COLUMN coverage.never_loaded IS 'Those of the stale ones that failed at every try';
COMMENT ON COLUMN coverage.fresh_hours IS 'See list_freshness';
COMMENT ON COLUMN coverage.oldest_hours IS 'Hours since the load of the list that was loaded longest ago';
COMMENT ON COLUMN coverage.newest_load IS 'When the newest list was loaded';

-- A history row has its position at valid_from. Positions at other times follow from the changes in
-- their order: at each refresh the removed rows are taken out, and the added and moved rows are inserted
-- at their positions, lowest first. All others keep their order (moved_positions() in diff.py).
CREATE MACRO window_as_of(t) AS TABLE
WITH past AS (
    SELECT *, CASE WHEN valid_to <= t::TIMESTAMPTZ THEN valid_to END AS ended
    FROM window_products_history WHERE valid_from <= t::TIMESTAMPTZ
), event AS (
    SELECT "window", valid_from AS moment, product_id, position AS place FROM past
    UNION ALL SELECT "window", ended, product_id, NULL FROM past WHERE ended IS NOT NULL
), refresh AS (
    SELECT
        "window", moment,
        list({'id': product_id, 'place': place} ORDER BY place) FILTER (place IS NOT NULL) AS come,
        list(product_id) FILTER (place IS NULL) AS gone
    FROM event GROUP BY ALL
), replayed AS (
    SELECT "window", list_reduce(
        list({'ids': []::VARCHAR[], 'come': come, 'gone': gone} ORDER BY moment),
        lambda list_before, changes: {
            'ids': CASE
                WHEN len(list_before.ids) = 0 THEN list_transform(changes.come, lambda one: one.id)
                ELSE list_reduce(
                    coalesce(list_transform(changes.come, lambda one: {'ids': []::VARCHAR[], 'id': one.id, 'place': one.place}), []),
                    lambda ids_so_far, one: {
                        'ids': ids_so_far.ids[:one.place - 1] || [one.id] || ids_so_far.ids[one.place:],
                        'id': '', 'place': 0::BIGINT
                    },
                    {
                        'ids': CASE WHEN changes.gone IS NULL THEN list_before.ids
                            ELSE list_filter(list_before.ids, lambda id: NOT list_contains(changes.gone, id)) END,
                        'id': '', 'place': 0::BIGINT
                    }
                ).ids END,
            'come': NULL::STRUCT(id VARCHAR, place BIGINT)[], 'gone': NULL::VARCHAR[]
        },
        {'ids': []::VARCHAR[], 'come': NULL::STRUCT(id VARCHAR, place BIGINT)[], 'gone': NULL::VARCHAR[]}
    ).ids AS ids
    FROM refresh GROUP BY "window"
), placed AS (
    SELECT "window", unnest(ids) AS product_id, generate_subscripts(ids, 1) AS place FROM replayed
)
SELECT
    "window", place AS position, product_id, shop_appid, out_product_id, product_source, account_appid, extra,
    valid_from
FROM past JOIN placed USING ("window", product_id)
WHERE ended IS NULL
ORDER BY "window", position;
COMMENT ON MACRO TABLE window_as_of IS 'window_products as it was at the moment t, from what refreshes saw: FROM window_as_of(TIMESTAMPTZ ''2026-01-02 12:00+08''). Columns as in window_products, position too; valid_from: since when the product was there so';

CREATE MACRO article_products_as_of(t) AS TABLE
SELECT
    shop_appid, promoter_id, sharer_appid, article_url, product_id, product_name, product_img_url,
    predict_commission_amount, commission_rate, extra, valid_from
FROM article_products_history
WHERE valid_from <= t::TIMESTAMPTZ AND (valid_to IS NULL OR valid_to > t::TIMESTAMPTZ);
COMMENT ON MACRO TABLE article_products_as_of IS 'article_products as it was at the moment t, from what refreshes saw: FROM article_products_as_of(now() - INTERVAL 7 DAYS). Columns as in article_products, without position; valid_from: since when the product was there so';
