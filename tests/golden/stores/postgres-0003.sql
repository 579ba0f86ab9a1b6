-- Written by the code of commit ea2c021; see tests/storage/test_migrations.py.
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
CREATE TABLE public.segments (
    owner_key bigint NOT NULL,
    identifier_key bigint NOT NULL,
    from_time double precision NOT NULL,
    until_time double precision NOT NULL,
    login_day integer NOT NULL
);
CREATE TABLE public.tombstones (
    identifier_key bigint NOT NULL,
    from_time double precision NOT NULL,
    until_time double precision NOT NULL,
    erase_time double precision NOT NULL
);
INSERT INTO public.alembic_version VALUES ('0003');
INSERT INTO public.consents OVERRIDING SYSTEM VALUE VALUES (1, 8897515516141746039, 3, 0, 2, 1800000000, 1800000000, 'till');
INSERT INTO public.erasures VALUES ('bd913ec21d3c6f43f82772b7eb4522b2', 1800000000, 1, 1, 0, 0);
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (1, 2235967140499111953, 3422857957175651767, 7732336783547289450, 2943652666432306931, 'shop@1799999993.0', 1799999993, 1, 1, NULL, 'shop', '{"event_type":"detail-page-view","event_time":1799999993.0,"channel":"web","identifiers":[{"namespace":"loyalty_card","value":"26001"}],"lines":[{"item_id":"shop"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (2, 7029650244103856227, 6097530575392368562, 9124026846241157992, -171219196101861755, 'web@1799999994.0', 1799999994, 1, 1, NULL, 'web', '{"event_type":"detail-page-view","event_time":1799999994.0,"channel":"web","identifiers":[{"namespace":"account","value":"anna"}],"lines":[{"item_id":"web"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (3, 8897515516141746039, 3496642778718978797, 1287065308184175721, 7933151188466071017, 'login@1799999992.0', 1799999992, 1, 1, NULL, 'login', '{"event_type":"detail-page-view","event_time":1799999992.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"},{"namespace":"account","value":"ben"}],"lines":[{"item_id":"login"}]}');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (4, 1985433162296025783, 5728549824462893918, 3806683952381443421, -7167721241540394971, 'before@1799999991.0', 1799999991, 1, 1, NULL, 'before', '{"event_type":"detail-page-view","event_time":1799999991.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"}],"lines":[{"item_id":"before"}]}');
INSERT INTO public.facts VALUES ('salt', '01dab3b3972e645468cdd020a54b02b6');
INSERT INTO public.facts VALUES ('identity_rules', '{"confidence_min":0.5,"devices":["visitor"],"identifiers_per_person":16,"limit_default":8,"limits":{"account":4,"loyalty_card":4},"login_window_days":30.0,"people_per_device":5,"priority":["account","loyalty_card","pos_customer","email_sha256","phone_sha256"]}');
INSERT INTO public.identifiers VALUES (1985433162296025783, 'visitor', 'phone', 1985433162296025783, 0);
INSERT INTO public.identifiers VALUES (8897515516141746039, 'account', 'ben', 8897515516141746039, 0);
INSERT INTO public.identifiers VALUES (2235967140499111953, 'loyalty_card', '26001', 7029650244103856227, 0);
INSERT INTO public.identifiers VALUES (7029650244103856227, 'account', 'anna', 7029650244103856227, 0);
INSERT INTO public.identifiers VALUES (7969130742288688057, 'email_sha256', 'ab', 7029650244103856227, 0);
INSERT INTO public.links VALUES (8897515516141746039, 1, 1985433162296025783, 3, 'web', 1, 1799999992, 1799999992, '\x0000007e74d2da41');
INSERT INTO public.links VALUES (7029650244103856227, 0, 7969130742288688057, 1, 'crm', 1, 1800000000, 1800000000, '\x0000008074d2da41');
INSERT INTO public.links VALUES (7029650244103856227, 0, 2235967140499111953, 2, 'import', 1, 0, 0, '\x0000000000000000');
INSERT INTO public.segments VALUES (8897515516141746039, 1985433162296025783, 1797407992, 'Infinity', 20833);
INSERT INTO public.segments VALUES (8897515516141746039, 8897515516141746039, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.segments VALUES (2235967140499111953, 2235967140499111953, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.segments VALUES (7969130742288688057, 7969130742288688057, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.segments VALUES (7029650244103856227, 7029650244103856227, '-Infinity', 'Infinity', 2147483647);
INSERT INTO public.tombstones VALUES (2676042993551155232, '-Infinity', 'Infinity', 1800000000);
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
ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (one_key, is_login, other_key, kind, source);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_pkey PRIMARY KEY (owner_key, identifier_key, from_time);
ALTER TABLE ONLY public.tombstones
    ADD CONSTRAINT tombstones_pkey PRIMARY KEY (identifier_key, from_time);
CREATE INDEX consents_by_identifier ON public.consents USING btree (identifier_key);
CREATE UNIQUE INDEX events_by_id ON public.events USING btree (id_high, id_low);
CREATE INDEX events_by_identifier ON public.events USING btree (identifier_key, event_time DESC, seq DESC) WHERE (identifier_key IS NOT NULL);
CREATE INDEX identifiers_by_profile ON public.identifiers USING btree (profile_key) WHERE (profile_key IS NOT NULL);
CREATE INDEX links_by_other ON public.links USING btree (other_key, is_login);
CREATE INDEX segments_by_identifier ON public.segments USING btree (identifier_key, until_time);
