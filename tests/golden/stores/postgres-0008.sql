-- Written by the code of commit e082e5c; see tests/storage/test_migrations.py.
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.catalog_changes (
    seq bigint NOT NULL,
    kind smallint NOT NULL,
    subject_key bigint NOT NULL
);
CREATE TABLE public.consents (
    seq bigint NOT NULL,
    identifier_key bigint NOT NULL,
    purpose smallint NOT NULL,
    channel smallint NOT NULL,
    status smallint NOT NULL,
    consent_time double precision NOT NULL,
    record_time double precision NOT NULL,
    source text NOT NULL
);
ALTER TABLE public.consents ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.consents_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.erasures (
    erasure_id text NOT NULL,
    erase_time double precision NOT NULL,
    identifier_count bigint NOT NULL,
    event_count bigint NOT NULL,
    consent_count bigint NOT NULL,
    link_count bigint NOT NULL
);
CREATE TABLE public.events (
    seq bigint NOT NULL,
    identifier_key bigint,
    id_high bigint NOT NULL,
    id_low bigint NOT NULL,
    digest bigint NOT NULL,
    event_id text NOT NULL,
    event_time double precision NOT NULL,
    event_type smallint NOT NULL,
    channel smallint NOT NULL,
    store_id text,
    item_ids text NOT NULL,
    content text NOT NULL
);
ALTER TABLE public.events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.exports (
    seq bigint NOT NULL,
    identifier_key bigint,
    kind text NOT NULL,
    place text NOT NULL,
    export_time double precision NOT NULL,
    last_seq bigint
);
ALTER TABLE public.exports ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.exports_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.facts (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.identifiers (
    identifier_key bigint NOT NULL,
    namespace text NOT NULL,
    value text NOT NULL,
    profile_key bigint,
    consent_bits bigint DEFAULT 0 NOT NULL,
    added_number bigint NOT NULL
);
ALTER TABLE public.identifiers ALTER COLUMN added_number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.identifiers_added_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.items (
    item_key bigint NOT NULL,
    item_id text NOT NULL COLLATE pg_catalog."C",
    content text
);
CREATE TABLE public.links (
    one_key bigint NOT NULL,
    is_login smallint NOT NULL,
    other_key bigint NOT NULL,
    kind smallint NOT NULL,
    source text NOT NULL,
    confidence double precision NOT NULL,
    first_time double precision NOT NULL,
    last_time double precision NOT NULL,
    times bytea NOT NULL
);
CREATE TABLE public.offer_spends (
    offer_key bigint NOT NULL,
    reserved_count bigint NOT NULL,
    reserved_cost bigint NOT NULL,
    committed_count bigint NOT NULL,
    committed_cost bigint NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE public.offer_uses (
    identifier_key bigint NOT NULL,
    offer_key bigint NOT NULL,
    reservation_key bigint NOT NULL,
    use_time double precision NOT NULL
);
CREATE TABLE public.offers (
    offer_key bigint NOT NULL,
    offer_id text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    content text
);
CREATE TABLE public.reservations (
    reservation_key bigint NOT NULL,
    id_high bigint NOT NULL,
    id_low bigint NOT NULL,
    digest bigint NOT NULL,
    offer_key bigint NOT NULL,
    state smallint NOT NULL,
    cost bigint NOT NULL,
    reserve_time double precision NOT NULL,
    expire_time double precision NOT NULL,
    settle_time double precision,
    channel smallint NOT NULL,
    store_id text
);
ALTER TABLE public.reservations ALTER COLUMN reservation_key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reservations_reservation_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.saved_segments (
    name text NOT NULL COLLATE pg_catalog."C",
    content text NOT NULL
);
CREATE TABLE public.segments (
    owner_key bigint NOT NULL,
    identifier_key bigint NOT NULL,
    from_time double precision NOT NULL,
    until_time double precision NOT NULL,
    login_day integer NOT NULL
);
CREATE TABLE public.stock (
    cell_key bigint NOT NULL,
    counted double precision NOT NULL,
    counted_time double precision,
    total double precision
);
CREATE TABLE public.stock_adjustments (
    cell_key bigint NOT NULL,
    adjustment_id text NOT NULL,
    stock_time double precision NOT NULL,
    quantity double precision NOT NULL
);
CREATE TABLE public.stores (
    store_key bigint NOT NULL,
    store_id text NOT NULL COLLATE pg_catalog."C",
    content text NOT NULL
);
CREATE TABLE public.tombstones (
    identifier_key bigint NOT NULL,
    from_time double precision NOT NULL,
    until_time double precision NOT NULL,
    erase_time double precision NOT NULL
);
CREATE TABLE public.trigger_messages (
    message_key bigint NOT NULL,
    id_high bigint NOT NULL,
    id_low bigint NOT NULL,
    name text NOT NULL,
    identifier_key bigint NOT NULL,
    channel smallint NOT NULL,
    state smallint NOT NULL,
    cause text,
    event_time double precision NOT NULL,
    decide_time double precision NOT NULL,
    expire_time double precision NOT NULL,
    consumer text DEFAULT ''::text NOT NULL,
    lease_time double precision,
    content text NOT NULL
);
ALTER TABLE public.trigger_messages ALTER COLUMN message_key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.trigger_messages_message_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.trigger_turns (
    name text NOT NULL,
    holder text NOT NULL,
    until_time double precision NOT NULL,
    place bigint
);
CREATE TABLE public.trigger_waits (
    name text NOT NULL,
    identifier_key bigint NOT NULL,
    due_time double precision NOT NULL
);
INSERT INTO public.alembic_version VALUES ('0008');
INSERT INTO public.consents OVERRIDING SYSTEM VALUE VALUES (1, 103502413707963052, 3, 0, 2, 1800000000, 1800000000, 'till');
INSERT INTO public.erasures VALUES ('ff1f9b4558aa209d67020f4c5eeecbcb', 1800000000, 1, 1, 0, 0);
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (1, 4081911004651236170, 3972839765420545492, 1754639096691025126, 2943652666432306931, 'shop@1799999993.0', 1799999993, 1, 1, NULL, 'shop', '{"event_type":"detail-page-view","event_time":1799999993.0,"channel":"web","identifiers":[{"namespace":"loyalty_card","value":"26001"}],"lines":[{"item_id":"shop"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (2, 816818160921991295, 7844786976435728409, 5662342313803634072, -171219196101861755, 'web@1799999994.0', 1799999994, 1, 1, NULL, 'web', '{"event_type":"detail-page-view","event_time":1799999994.0,"channel":"web","identifiers":[{"namespace":"account","value":"anna"}],"lines":[{"item_id":"web"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (4, 1660233802616013430, 5765203816274514006, 8422149262231890727, -7167721241540394971, 'before@1799999991.0', 1799999991, 1, 1, NULL, 'before', '{"event_type":"detail-page-view","event_time":1799999991.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"}],"lines":[{"item_id":"before"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (5, 103502413707963052, 5977735198682026038, 2232038156669348859, 7933151188466071017, 'login@1799999992.0', 1799999992, 1, 1, NULL, 'login', '{"event_type":"detail-page-view","event_time":1799999992.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"},{"namespace":"account","value":"ben"}],"lines":[{"item_id":"login"}]}');
INSERT INTO public.exports OVERRIDING SYSTEM VALUE VALUES (1, 816818160921991295, 'profile', 'shop:/tmp/anna.jsonl', 1800000000, NULL);
INSERT INTO public.facts VALUES ('salt', '987db2491a96c705ef494ae4b90cb135');
INSERT INTO public.facts VALUES ('identity_rules', '{"confidence_min":0.5,"devices":["visitor"],"identifiers_per_person":16,"limit_default":8,"limits":{"account":4,"loyalty_card":4},"login_window_days":30.0,"people_per_device":5,"priority":["account","loyalty_card","pos_customer","email_sha256","phone_sha256"]}');
INSERT INTO public.identifiers OVERRIDING SYSTEM VALUE VALUES (1660233802616013430, 'visitor', 'phone', 1660233802616013430, 0, 1);
INSERT INTO public.identifiers OVERRIDING SYSTEM VALUE VALUES (103502413707963052, 'account', 'ben', 103502413707963052, 0, 2);
INSERT INTO public.identifiers OVERRIDING SYSTEM VALUE VALUES (816818160921991295, 'account', 'anna', 816818160921991295, 0, 3);
INSERT INTO public.identifiers OVERRIDING SYSTEM VALUE VALUES (4081911004651236170, 'loyalty_card', '26001', 816818160921991295, 0, 4);
INSERT INTO public.identifiers OVERRIDING SYSTEM VALUE VALUES (1211445955743217592, 'email_sha256', 'ab', 816818160921991295, 0, 5);
INSERT INTO public.links VALUES (103502413707963052, 1, 1660233802616013430, 3, 'web', 1, 1799999992, 1799999992, '\x0000007e74d2da41');
INSERT INTO public.links VALUES (816818160921991295, 0, 1211445955743217592, 1, 'crm', 1, 1800000000, 1800000000, '\x0000008074d2da41');
INSERT INTO public.links VALUES (816818160921991295, 0, 4081911004651236170, 2, 'import', 1, 0, 0, '\x0000000000000000');
INSERT INTO public.offer_spends VALUES (1, 1, 1000000, 1, 1000000);
INSERT INTO public.offer_uses VALUES (816818160921991295, 1, 1, 1800000000);
INSERT INTO public.offer_uses VALUES (103502413707963052, 1, 2, 1800000000);
INSERT INTO public.offers VALUES (1, 'ten', 1800000000000001, '{"benefit":{"type":"percent","percent":10.0},"currency":"EUR","cost_micros":1000000,"caps":[{"count":1}]}');
INSERT INTO public.reservations OVERRIDING SYSTEM VALUE VALUES (1, 5669269573633762519, 7882329047307706333, 4378094536080222377, 1, 2, 1000000, 1800000000, 1800000060, 1800000000, 0, NULL);
INSERT INTO public.reservations OVERRIDING SYSTEM VALUE VALUES (2, 6371231738073637293, 8162509029254329693, 4939681498479127559, 1, 1, 1000000, 1800000000, 1800000060, NULL, 0, NULL);
INSERT INTO public.segments VALUES (103502413707963052, 1660233802616013430, 1797407992, 'Infinity', 20833);
INSERT INTO public.segments VALUES (103502413707963052, 103502413707963052, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.segments VALUES (1211445955743217592, 1211445955743217592, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.segments VALUES (816818160921991295, 816818160921991295, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.segments VALUES (4081911004651236170, 4081911004651236170, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.stores VALUES (1, 'online', '{"store_id":"online","kind":"online"}');
INSERT INTO public.tombstones VALUES (4201323607320162325, '-Infinity', 'Infinity', 1800000000);
SELECT pg_catalog.setval('public.consents_seq_seq', 1, true);
SELECT pg_catalog.setval('public.events_seq_seq', 5, true);
SELECT pg_catalog.setval('public.exports_seq_seq', 1, true);
SELECT pg_catalog.setval('public.identifiers_added_number_seq', 7, true);
SELECT pg_catalog.setval('public.reservations_reservation_key_seq', 2, true);
SELECT pg_catalog.setval('public.trigger_messages_message_key_seq', 1, false);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.catalog_changes
    ADD CONSTRAINT catalog_changes_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.consents
    ADD CONSTRAINT consents_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (erasure_id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.identifiers
    ADD CONSTRAINT identifiers_pkey PRIMARY KEY (identifier_key);
ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_item_id_key UNIQUE (item_id);
ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (item_key);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (one_key, is_login, other_key, kind, source);
ALTER TABLE ONLY public.offer_spends
    ADD CONSTRAINT offer_spends_pkey PRIMARY KEY (offer_key);
ALTER TABLE ONLY public.offer_uses
    ADD CONSTRAINT offer_uses_pkey PRIMARY KEY (identifier_key, offer_key, reservation_key);
ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_offer_id_key UNIQUE (offer_id);
ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_pkey PRIMARY KEY (offer_key);
ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_pkey PRIMARY KEY (reservation_key);
ALTER TABLE ONLY public.saved_segments
    ADD CONSTRAINT saved_segments_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_pkey PRIMARY KEY (owner_key, identifier_key, from_time);
ALTER TABLE ONLY public.stock_adjustments
    ADD CONSTRAINT stock_adjustments_pkey PRIMARY KEY (cell_key, adjustment_id);
ALTER TABLE ONLY public.stock
    ADD CONSTRAINT stock_pkey PRIMARY KEY (cell_key);
ALTER TABLE ONLY public.stores
    ADD CONSTRAINT stores_pkey PRIMARY KEY (store_key);
ALTER TABLE ONLY public.stores
    ADD CONSTRAINT stores_store_id_key UNIQUE (store_id);
ALTER TABLE ONLY public.tombstones
    ADD CONSTRAINT tombstones_pkey PRIMARY KEY (identifier_key, from_time);
ALTER TABLE ONLY public.trigger_messages
    ADD CONSTRAINT trigger_messages_pkey PRIMARY KEY (message_key);
ALTER TABLE ONLY public.trigger_turns
    ADD CONSTRAINT trigger_turns_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.trigger_waits
    ADD CONSTRAINT trigger_waits_pkey PRIMARY KEY (name, identifier_key);
CREATE INDEX consents_by_identifier ON public.consents USING btree (identifier_key);
CREATE UNIQUE INDEX events_by_id ON public.events USING btree (id_high, id_low);
CREATE INDEX events_by_identifier ON public.events USING btree (identifier_key, event_time DESC, seq DESC) WHERE (identifier_key IS NOT NULL);
CREATE INDEX exports_by_identifier ON public.exports USING btree (identifier_key);
CREATE INDEX identifiers_by_number ON public.identifiers USING btree (added_number);
CREATE INDEX identifiers_by_profile ON public.identifiers USING btree (profile_key) WHERE (profile_key IS NOT NULL);
CREATE INDEX items_deleted ON public.items USING btree (item_key) WHERE (content IS NULL);
CREATE INDEX links_by_other ON public.links USING btree (other_key, is_login);
CREATE INDEX offer_uses_by_reservation ON public.offer_uses USING btree (reservation_key);
CREATE INDEX offers_by_seq ON public.offers USING btree (seq);
CREATE UNIQUE INDEX reservations_by_id ON public.reservations USING btree (id_high, id_low);
CREATE INDEX reservations_held ON public.reservations USING btree (offer_key, expire_time) WHERE (state = 1);
CREATE INDEX reservations_over ON public.reservations USING btree (settle_time) WHERE (state >= 3);
CREATE INDEX segments_by_identifier ON public.segments USING btree (identifier_key, until_time);
CREATE UNIQUE INDEX trigger_messages_by_id ON public.trigger_messages USING btree (id_high, id_low);
CREATE INDEX trigger_messages_by_identifier ON public.trigger_messages USING btree (identifier_key);
CREATE INDEX trigger_messages_by_time ON public.trigger_messages USING btree (decide_time);
CREATE INDEX trigger_messages_open ON public.trigger_messages USING btree (message_key) WHERE (state <= 2);
CREATE INDEX trigger_waits_by_identifier ON public.trigger_waits USING btree (identifier_key);
CREATE INDEX trigger_waits_by_time ON public.trigger_waits USING btree (due_time);
