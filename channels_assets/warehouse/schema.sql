-- Version 1 of the warehouse: every table, and a COMMENT on each of its columns. Views: views.sql.
-- No PRIMARY KEY: it makes a load three times slower and the file twice as large. The loaders prove
-- uniqueness before they write, and checks.py can prove it again.

CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);
COMMENT ON TABLE meta IS 'Facts about this file itself, one per key';
COMMENT ON COLUMN meta.key IS 'Name of the fact, such as schema_version';
COMMENT ON COLUMN meta.value IS 'Its value, as text';

CREATE TABLE window_products (
    "window" VARCHAR NOT NULL,
    account_appid VARCHAR NOT NULL,
    product_id VARCHAR NOT NULL,
    shop_appid VARCHAR,
    out_product_id VARCHAR,
    product_source INTEGER NOT NULL,
    position BIGINT NOT NULL,
    extra JSON,
    fetched_at TIMESTAMPTZ NOT NULL,
    load_id VARCHAR NOT NULL
);
COMMENT ON TABLE window_products IS 'The products now in each Channels window (橱窗); one row per window and product_id; from getwindowproductlist';
COMMENT ON COLUMN window_products."window" IS 'Name of the window in channels.toml, the partition of the asset. A reserved word: write it as "window"';
COMMENT ON COLUMN window_products.account_appid IS 'AppID of the Channels Assistant account (视频号助手) that owns the window; from channels.toml';
COMMENT ON COLUMN window_products.product_id IS 'Product id inside the window, the exact digits of a uint64 as text; API: products[].product_id';
COMMENT ON COLUMN window_products.shop_appid IS 'AppID of the shop that a product of one''s own shop comes from, NULL for affiliate products; API: products[].appid';
COMMENT ON COLUMN window_products.out_product_id IS 'Product id in the supplying shop, affiliate products only, exact digits as text; API: products[].out_product_id';
COMMENT ON COLUMN window_products.product_source IS '0 own shop (also when the API leaves it out), 1 selection centre (选品中心); API: products[].product_source';
COMMENT ON COLUMN window_products.position IS 'Place in the list, from 1, counted without duplicates';
COMMENT ON COLUMN window_products.extra IS 'Every other field that the API sent, as one JSON object; NULL when there was none; API: products[]';
COMMENT ON COLUMN window_products.fetched_at IS 'When the list was read from the API';
COMMENT ON COLUMN window_products.load_id IS 'The load that wrote this row: loads.load_id';

CREATE TABLE shop_articles (
    shop_appid VARCHAR NOT NULL,
    promoter_id VARCHAR NOT NULL,
    sharer_appid VARCHAR NOT NULL,
    promoter_type INTEGER NOT NULL,
    article_url VARCHAR NOT NULL,
    article_title VARCHAR,
    cover_image VARCHAR,
    promoter_share_link VARCHAR,
    create_time TIMESTAMPTZ,
    update_time TIMESTAMPTZ,
    product_list JSON,
    position BIGINT NOT NULL,
    extra JSON,
    fetched_at TIMESTAMPTZ NOT NULL,
    load_id VARCHAR NOT NULL
);
COMMENT ON TABLE shop_articles IS 'The articles (公众号 or 服务号) that promote a cooperating shop''s products; one row per shop, promoter, sharer and article_url; from getshopmparticlelist';
COMMENT ON COLUMN shop_articles.shop_appid IS 'AppID of the cooperating shop; API request: shop_appid';
COMMENT ON COLUMN shop_articles.promoter_id IS 'The linked account that published the article, as text; API request: promoter_id';
COMMENT ON COLUMN shop_articles.sharer_appid IS 'The sharer (推客) for whom the links were made; API request: sharer_appid';
COMMENT ON COLUMN shop_articles.promoter_type IS '4 公众号 (official account), 5 服务号 (service account); API request: promoter_type';
COMMENT ON COLUMN shop_articles.article_url IS 'Address of the article; API: article_list[].article_info.article_url';
COMMENT ON COLUMN shop_articles.article_title IS 'Title; API: article_list[].article_info.article_title';
COMMENT ON COLUMN shop_articles.cover_image IS 'Address of the cover image; API: article_list[].article_info.cover_image';
COMMENT ON COLUMN shop_articles.promoter_share_link IS 'Opaque promotion parameter (推广参数) of this sharer, not an address; API: article_list[].article_info.promoter_share_link';
COMMENT ON COLUMN shop_articles.create_time IS 'Creation time, NULL when 0 or absent; API: article_list[].create_time, epoch seconds, above 10^11 milliseconds';
COMMENT ON COLUMN shop_articles.update_time IS 'Last change, NULL when 0 or absent; API: article_list[].update_time, epoch seconds, above 10^11 milliseconds';
COMMENT ON COLUMN shop_articles.product_list IS 'The article''s products as the API sent them; article_products is made from it; API: article_list[].product_list';
COMMENT ON COLUMN shop_articles.position IS 'Place in the list, from 1, counted without duplicates';
COMMENT ON COLUMN shop_articles.extra IS 'Every other field that the API sent, those within article_info under article_info, as one JSON object; NULL when there was none; API: article_list[]';
COMMENT ON COLUMN shop_articles.fetched_at IS 'When the list was read from the API';
COMMENT ON COLUMN shop_articles.load_id IS 'The load that wrote this row: loads.load_id';

CREATE TABLE article_products (
    shop_appid VARCHAR NOT NULL,
    promoter_id VARCHAR NOT NULL,
    sharer_appid VARCHAR NOT NULL,
    article_url VARCHAR NOT NULL,
    product_id VARCHAR NOT NULL,
    product_name VARCHAR,
    product_img_url VARCHAR,
    predict_commission_amount BIGINT,
    commission_rate INTEGER,
    position BIGINT NOT NULL,
    extra JSON,
    fetched_at TIMESTAMPTZ NOT NULL,
    load_id VARCHAR NOT NULL
);
COMMENT ON TABLE article_products IS 'The products in each article; one row per article and product_id; made from shop_articles.product_list';
COMMENT ON COLUMN article_products.shop_appid IS 'The article''s shop: shop_articles.shop_appid';
COMMENT ON COLUMN article_products.promoter_id IS 'The article''s account: shop_articles.promoter_id';
COMMENT ON COLUMN article_products.sharer_appid IS 'The article''s sharer (推客): shop_articles.sharer_appid';
COMMENT ON COLUMN article_products.article_url IS 'The article: shop_articles.article_url';
COMMENT ON COLUMN article_products.product_id IS 'Product id, the exact digits of a uint64 as text; API: product_list[].product_id';
COMMENT ON COLUMN article_products.product_name IS 'Name; API: product_list[].product_name';
COMMENT ON COLUMN article_products.product_img_url IS 'Address of the image; API: product_list[].product_img_url';
COMMENT ON COLUMN article_products.predict_commission_amount IS 'Commission that the agency may expect per sale, in fen (1/100 yuan), a forecast; API: product_list[].predict_commission_amount';
COMMENT ON COLUMN article_products.commission_rate IS 'Commission rate in parts per million as sent (400000 = 40 %; unit known from sibling APIs); API: product_list[].commission_rate';
COMMENT ON COLUMN article_products.position IS 'Place among the products of the whole list, article after article, from 1, counted without duplicates';
COMMENT ON COLUMN article_products.extra IS 'Every other field that the API sent, as one JSON object; NULL when there was none; API: product_list[]';
COMMENT ON COLUMN article_products.fetched_at IS 'When the list was read from the API';
COMMENT ON COLUMN article_products.load_id IS 'The load that wrote this row: loads.load_id';

CREATE TABLE cooperating_shops (
    shop_appid VARCHAR NOT NULL,
    shop_nickname VARCHAR,
    shop_head_img VARCHAR,
    bind_time TIMESTAMPTZ,
    is_active BOOLEAN NOT NULL,
    extra JSON,
    fetched_at TIMESTAMPTZ NOT NULL,
    load_id VARCHAR NOT NULL
);
COMMENT ON TABLE cooperating_shops IS 'The shops that cooperate with the agency, now or once; one row per shop_appid; from get_bind_shop_list';
COMMENT ON COLUMN cooperating_shops.shop_appid IS 'AppID of the shop; API: shop_list[].shop_appid';
COMMENT ON COLUMN cooperating_shops.shop_nickname IS 'Name; API: shop_list[].shop_nickname';
COMMENT ON COLUMN cooperating_shops.shop_head_img IS 'Address of the logo; API: shop_list[].shop_head_img';
COMMENT ON COLUMN cooperating_shops.bind_time IS 'When the cooperation began, NULL when 0 or absent; API: shop_list[].bind_time, epoch seconds, above 10^11 milliseconds';
COMMENT ON COLUMN cooperating_shops.is_active IS 'Whether the latest list still had this shop; if not, the row shows it as last seen';
COMMENT ON COLUMN cooperating_shops.extra IS 'Every other field that the API sent, as one JSON object; NULL when there was none; API: shop_list[]';
COMMENT ON COLUMN cooperating_shops.fetched_at IS 'When the list that last had this shop was read from the API';
COMMENT ON COLUMN cooperating_shops.load_id IS 'The load that wrote this row: loads.load_id';

CREATE TABLE shop_promoters (
    shop_appid VARCHAR NOT NULL,
    promoter_id VARCHAR NOT NULL,
    promoter_type INTEGER,
    promoter_name VARCHAR,
    avatar_image_url VARCHAR,
    is_active BOOLEAN NOT NULL,
    extra JSON,
    fetched_at TIMESTAMPTZ NOT NULL,
    load_id VARCHAR NOT NULL
);
COMMENT ON TABLE shop_promoters IS 'The accounts linked to each cooperating shop, now or once; one row per shop_appid and promoter_id; from get_bind_shop_promoter_list';
COMMENT ON COLUMN shop_promoters.shop_appid IS 'AppID of the shop; API request: shop_appid';
COMMENT ON COLUMN shop_promoters.promoter_id IS 'Id of the linked account, exact digits as text; API: promoter_list[].promoter_id';
COMMENT ON COLUMN shop_promoters.promoter_type IS '1 视频号 (Channels), 4 公众号 (official account), 5 服务号 (service account), others as sent; API: promoter_list[].promoter_type';
COMMENT ON COLUMN shop_promoters.promoter_name IS 'Name; API: promoter_list[].promoter_name';
COMMENT ON COLUMN shop_promoters.avatar_image_url IS 'Address of the avatar; API: promoter_list[].avatar_image_url';
COMMENT ON COLUMN shop_promoters.is_active IS 'Whether the shop''s latest list still had this account; if not, the row shows it as last seen';
COMMENT ON COLUMN shop_promoters.extra IS 'Every other field that the API sent, as one JSON object; NULL when there was none; API: promoter_list[]';
COMMENT ON COLUMN shop_promoters.fetched_at IS 'When the list that last had this account was read from the API';
COMMENT ON COLUMN shop_promoters.load_id IS 'The load that wrote this row: loads.load_id';

CREATE TABLE sharers (
    sharer_appid VARCHAR NOT NULL,
    nickname VARCHAR,
    head_img_url VARCHAR,
    bind_time TIMESTAMPTZ,
    commission_type INTEGER,
    commission_ratio INTEGER,
    is_active BOOLEAN NOT NULL,
    extra JSON,
    fetched_at TIMESTAMPTZ NOT NULL,
    load_id VARCHAR NOT NULL
);
COMMENT ON TABLE sharers IS 'The sharers (推客) bound to the agency, now or once; one row per sharer_appid; from get_bind_sharer_list';
COMMENT ON COLUMN sharers.sharer_appid IS 'Identity of the sharer, looks like an AppID; API: sharer_info_list[].sharer_appid';
COMMENT ON COLUMN sharers.nickname IS 'Name; API: sharer_info_list[].nickname';
COMMENT ON COLUMN sharers.head_img_url IS 'Address of the avatar; API: sharer_info_list[].head_img_url';
COMMENT ON COLUMN sharers.bind_time IS 'When the sharer was bound, NULL when 0 or absent; API: sharer_info_list[].bind_time, epoch seconds, above 10^11 milliseconds';
COMMENT ON COLUMN sharers.commission_type IS '0 the platform pays the sharer, 1 the agency does; API: sharer_info_list[].commission_type';
COMMENT ON COLUMN sharers.commission_ratio IS 'The sharer''s share in parts per million as sent (100000 = 10 %), without meaning when commission_type is 1; API: sharer_info_list[].commission_ratio';
COMMENT ON COLUMN sharers.is_active IS 'Whether the latest list still had this sharer; if not, the row shows them as last seen';
COMMENT ON COLUMN sharers.extra IS 'Every other field that the API sent, as one JSON object; NULL when there was none; API: sharer_info_list[]';
COMMENT ON COLUMN sharers.fetched_at IS 'When the list that last had this sharer was read from the API';
COMMENT ON COLUMN sharers.load_id IS 'The load that wrote this row: loads.load_id';

CREATE TABLE loads (
    load_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    "partition" VARCHAR,
    run_id VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL,
    pages BIGINT NOT NULL,
    api_calls BIGINT NOT NULL,
    "rows" BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    total_num BIGINT,
    end_reason VARCHAR NOT NULL,
    resumed_pages BIGINT NOT NULL
);
COMMENT ON TABLE loads IS 'The log of loads: one row per list that was written, in the same transaction as its rows';
COMMENT ON COLUMN loads.load_id IS 'Identity of the load. It begins with the load''s number, which grows by one with each load of this warehouse: later loads sort after earlier ones, whatever the clock said';
COMMENT ON COLUMN loads.asset IS 'The table that was written';
COMMENT ON COLUMN loads."partition" IS 'Which list: the asset''s partition key; NULL for assets without partitions';
COMMENT ON COLUMN loads.run_id IS 'The Dagster run; empty when a list was removed since it had vanished';
COMMENT ON COLUMN loads.started_at IS 'When the first page was asked for';
COMMENT ON COLUMN loads.finished_at IS 'When the rows were written';
COMMENT ON COLUMN loads.pages IS 'Number of pages in the list; 0 where the rows were derived without a call';
COMMENT ON COLUMN loads.api_calls IS 'Number of API calls made, retries included';
COMMENT ON COLUMN loads."rows" IS 'Number of rows written, without duplicates';
COMMENT ON COLUMN loads.duplicates IS 'Number of items that came again later in the same list and were dropped, the last one wins';
COMMENT ON COLUMN loads.total_num IS 'The number of items that the API itself stated, NULL if it did not; API: total_num';
COMMENT ON COLUMN loads.end_reason IS 'Why the walk through the pages ended, such as empty_page, has_more_false or count_disagrees; removed: the list had vanished';
COMMENT ON COLUMN loads.resumed_pages IS 'Number of those pages that were already on disk from an interrupted attempt';

CREATE TABLE failures (
    asset VARCHAR NOT NULL,
    "partition" VARCHAR,
    run_id VARCHAR NOT NULL,
    failed_at TIMESTAMPTZ NOT NULL,
    error_class VARCHAR NOT NULL,
    error VARCHAR NOT NULL,
    api_calls BIGINT NOT NULL
);
COMMENT ON TABLE failures IS 'The last failure of each list, until it is loaded again; at most one row per asset and partition';
COMMENT ON COLUMN failures.asset IS 'The table that was to be written';
COMMENT ON COLUMN failures."partition" IS 'Which list: the asset''s partition key; NULL for assets without partitions';
COMMENT ON COLUMN failures.run_id IS 'The Dagster run';
COMMENT ON COLUMN failures.failed_at IS 'When it failed';
COMMENT ON COLUMN failures.error_class IS 'What the caller must do: Transient, PermissionDenied, QuotaExhausted, ...';
COMMENT ON COLUMN failures.error IS 'What happened, what to do, errcode, errmsg, rid and endpoint';
COMMENT ON COLUMN failures.api_calls IS 'Number of API calls that were made, retries included';

CREATE TABLE window_products_history (
    "window" VARCHAR NOT NULL,
    account_appid VARCHAR NOT NULL,
    product_id VARCHAR NOT NULL,
    shop_appid VARCHAR,
    out_product_id VARCHAR,
    product_source INTEGER NOT NULL,
    extra JSON,
    position BIGINT NOT NULL,
    change VARCHAR NOT NULL,
    valid_from TIMESTAMPTZ NOT NULL,
    valid_to TIMESTAMPTZ
);
COMMENT ON TABLE window_products_history IS 'What window_products held and when; one row per window, product_id and valid_from; only real changes make a row';
COMMENT ON COLUMN window_products_history."window" IS 'See window_products. A reserved word: write it as "window"';
COMMENT ON COLUMN window_products_history.account_appid IS 'See window_products';
COMMENT ON COLUMN window_products_history.product_id IS 'See window_products';
COMMENT ON COLUMN window_products_history.shop_appid IS 'See window_products; API: products[].appid';
COMMENT ON COLUMN window_products_history.out_product_id IS 'See window_products';
COMMENT ON COLUMN window_products_history.product_source IS 'See window_products';
COMMENT ON COLUMN window_products_history.extra IS 'See window_products';
COMMENT ON COLUMN window_products_history.position IS 'Place in the list at valid_from. Later shifts because of other products coming, going or moving make no row';
COMMENT ON COLUMN window_products_history.change IS 'Why the row begins: added, changed (a value), or moved (only its place among the products that stayed)';
COMMENT ON COLUMN window_products_history.valid_from IS 'First load that had it so: that load''s fetched_at; a microsecond after the list''s latest entry here if the clock stood still or ran back';
COMMENT ON COLUMN window_products_history.valid_to IS 'First load that no longer had it so, NULL while it holds; with no later row from the same moment the product was removed';

CREATE TABLE article_products_history (
    shop_appid VARCHAR NOT NULL,
    promoter_id VARCHAR NOT NULL,
    sharer_appid VARCHAR NOT NULL,
    article_url VARCHAR NOT NULL,
    product_id VARCHAR NOT NULL,
    product_name VARCHAR,
    product_img_url VARCHAR,
    predict_commission_amount BIGINT,
    commission_rate INTEGER,
    extra JSON,
    change VARCHAR NOT NULL,
    valid_from TIMESTAMPTZ NOT NULL,
    valid_to TIMESTAMPTZ
);
COMMENT ON TABLE article_products_history IS 'What article_products held and when; one row per article, product_id and valid_from; only real changes make a row';
COMMENT ON COLUMN article_products_history.shop_appid IS 'See article_products';
COMMENT ON COLUMN article_products_history.promoter_id IS 'See article_products';
COMMENT ON COLUMN article_products_history.sharer_appid IS 'See article_products';
COMMENT ON COLUMN article_products_history.article_url IS 'See article_products';
COMMENT ON COLUMN article_products_history.product_id IS 'See article_products';
COMMENT ON COLUMN article_products_history.product_name IS 'See article_products';
COMMENT ON COLUMN article_products_history.product_img_url IS 'See article_products';
COMMENT ON COLUMN article_products_history.predict_commission_amount IS 'See article_products; fen';
COMMENT ON COLUMN article_products_history.commission_rate IS 'See article_products; parts per million';
COMMENT ON COLUMN article_products_history.extra IS 'See article_products';
COMMENT ON COLUMN article_products_history.change IS 'Why the row begins: added, or changed (a value)';
COMMENT ON COLUMN article_products_history.valid_from IS 'First load that had it so: that load''s fetched_at; a microsecond after the list''s latest entry here if the clock stood still or ran back';
COMMENT ON COLUMN article_products_history.valid_to IS 'First load that no longer had it so, NULL while it holds; with no later row from the same moment the product was removed';
