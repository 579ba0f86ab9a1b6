-- Written by the code of commit a722ba6; see tests/storage/test_migrations.py.
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
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
    profile_key bigint
);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (1, 5172935414092773338, 1100264800118806759, 492625154022565435, 2943652666432306931, 'shop@1799999993.0', 1799999993, 1, 1, NULL, 'shop', '{"event_type":"detail-page-view","event_time":1799999993.0,"channel":"web","identifiers":[{"namespace":"loyalty_card","value":"26001"}],"lines":[{"item_id":"shop"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (2, 165866024744975829, 7023477146899709933, 8000322438529594144, -171219196101861755, 'web@1799999994.0', 1799999994, 1, 1, NULL, 'web', '{"event_type":"detail-page-view","event_time":1799999994.0,"channel":"web","identifiers":[{"namespace":"account","value":"anna"}],"lines":[{"item_id":"web"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (3, 5719658619044089349, 3208471029087303238, 4002343859455992202, -2902824646515539355, 'secret@1799999995.0', 1799999995, 1, 1, NULL, 'secret', '{"event_type":"detail-page-view","event_time":1799999995.0,"channel":"web","identifiers":[{"namespace":"account","value":"eve"}],"lines":[{"item_id":"secret"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (4, 1776223803964783979, 5789029354184013706, 496760168271984841, 7933151188466071017, 'login@1799999992.0', 1799999992, 1, 1, NULL, 'login', '{"event_type":"detail-page-view","event_time":1799999992.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"},{"namespace":"account","value":"ben"}],"lines":[{"item_id":"login"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (5, 700688662467351700, 5957073458708394607, 4529873421669947846, -7167721241540394971, 'before@1799999991.0', 1799999991, 1, 1, NULL, 'before', '{"event_type":"detail-page-view","event_time":1799999991.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"}],"lines":[{"item_id":"before"}]}');
INSERT INTO public.facts VALUES ('salt', '5acb4ea9bbf29158da0f84857de48bc8');
INSERT INTO public.identifiers VALUES (700688662467351700, 'visitor', 'phone', NULL);
INSERT INTO public.identifiers VALUES (1776223803964783979, 'account', 'ben', NULL);
INSERT INTO public.identifiers VALUES (5719658619044089349, 'account', 'eve', NULL);
INSERT INTO public.identifiers VALUES (165866024744975829, 'account', 'anna', 165866024744975829);
INSERT INTO public.identifiers VALUES (5172935414092773338, 'loyalty_card', '26001', 165866024744975829);
SELECT pg_catalog.setval('public.events_seq_seq', 5, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.identifiers
    ADD CONSTRAINT identifiers_pkey PRIMARY KEY (identifier_key);
CREATE UNIQUE INDEX events_by_id ON public.events USING btree (id_high, id_low);
CREATE INDEX events_by_identifier ON public.events USING btree (identifier_key, event_time DESC, seq DESC) WHERE ((identifier_key IS NOT NULL) AND (item_ids <> ''::text));
CREATE INDEX identifiers_by_profile ON public.identifiers USING btree (profile_key) WHERE (profile_key IS NOT NULL);
