-- Written by the code of commit 531e754; see tests/storage/test_migrations.py.
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
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
CREATE TABLE public.facts (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.identifiers (
    identifier_key bigint NOT NULL,
    namespace text NOT NULL,
    value text NOT NULL,
    profile_key bigint,
    consent_bits bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.tombstones (
    identifier_key bigint NOT NULL,
    from_time double precision NOT NULL,
    until_time double precision NOT NULL,
    erase_time double precision NOT NULL
);
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.consents OVERRIDING SYSTEM VALUE VALUES (1, 4657288689380173518, 3, 0, 2, 1800000000, 1800000000, 'till');
INSERT INTO public.erasures VALUES ('b67febe2cbaae4f213bcb406485dd55f', 1800000000, 1, 1, 0, 0);
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (1, 2357809178960004719, 4875703496609607325, 1402123766463034169, -171219196101861755, 'web@1799999994.0', 1799999994, 1, 1, NULL, 'web', '{"event_type":"detail-page-view","event_time":1799999994.0,"channel":"web","identifiers":[{"namespace":"account","value":"anna"}],"lines":[{"item_id":"web"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (2, 1297131075539975304, 6533533205073162798, 5252556300505511028, 2943652666432306931, 'shop@1799999993.0', 1799999993, 1, 1, NULL, 'shop', '{"event_type":"detail-page-view","event_time":1799999993.0,"channel":"web","identifiers":[{"namespace":"loyalty_card","value":"26001"}],"lines":[{"item_id":"shop"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (3, 764632324068374904, 3828969532427164271, 5049883466786163113, -7167721241540394971, 'before@1799999991.0', 1799999991, 1, 1, NULL, 'before', '{"event_type":"detail-page-view","event_time":1799999991.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"}],"lines":[{"item_id":"before"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (5, 4657288689380173518, 7175404706147515465, 9195100635418749807, 7933151188466071017, 'login@1799999992.0', 1799999992, 1, 1, NULL, 'login', '{"event_type":"detail-page-view","event_time":1799999992.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"},{"namespace":"account","value":"ben"}],"lines":[{"item_id":"login"}]}');
INSERT INTO public.facts VALUES ('salt', 'e976a9822bae64612f191fcebb62a29d');
INSERT INTO public.identifiers VALUES (764632324068374904, 'visitor', 'phone', NULL, 0);
INSERT INTO public.identifiers VALUES (4657288689380173518, 'account', 'ben', NULL, 0);
INSERT INTO public.identifiers VALUES (1297131075539975304, 'loyalty_card', '26001', 2357809178960004719, 0);
INSERT INTO public.identifiers VALUES (2357809178960004719, 'account', 'anna', 2357809178960004719, 0);
INSERT INTO public.tombstones VALUES (1931177241034122188, '-Infinity', 'Infinity', 1800000000);
SELECT pg_catalog.setval('public.consents_seq_seq', 1, true);
SELECT pg_catalog.setval('public.events_seq_seq', 5, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.consents
    ADD CONSTRAINT consents_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (erasure_id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.identifiers
    ADD CONSTRAINT identifiers_pkey PRIMARY KEY (identifier_key);
ALTER TABLE ONLY public.tombstones
    ADD CONSTRAINT tombstones_pkey PRIMARY KEY (identifier_key, from_time);
CREATE INDEX consents_by_identifier ON public.consents USING btree (identifier_key);
CREATE UNIQUE INDEX events_by_id ON public.events USING btree (id_high, id_low);
CREATE INDEX events_by_identifier ON public.events USING btree (identifier_key, event_time DESC, seq DESC) WHERE (identifier_key IS NOT NULL);
CREATE INDEX identifiers_by_profile ON public.identifiers USING btree (profile_key) WHERE (profile_key IS NOT NULL);
