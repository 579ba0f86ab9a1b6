-- Written by the code of commit 531e754; see tests/storage/test_migrations.py.
BEGIN TRANSACTION;
CREATE TABLE consents ( -- every statement; what counts of an identifier is in consent_bits
  seq INTEGER PRIMARY KEY, identifier_key INTEGER NOT NULL, purpose INTEGER NOT NULL,
  channel INTEGER NOT NULL, -- 0 for every one
  status INTEGER NOT NULL, consent_time REAL NOT NULL, record_time REAL NOT NULL,
  source TEXT NOT NULL
);
INSERT INTO "consents" VALUES(1,5838800477023206250,3,0,2,1800000000.0,1800000000.0,'till');
CREATE TABLE erasures ( -- that somebody was erased, and not who
  erasure_id TEXT PRIMARY KEY, erase_time REAL NOT NULL, identifier_count INTEGER NOT NULL,
  event_count INTEGER NOT NULL, consent_count INTEGER NOT NULL, link_count INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "erasures" VALUES('345bf1f1b6a62aef75caec9fc8e0aa97',1800000000.0,1,1,0,0);
CREATE TABLE events ( -- as `recsys.storage.event_rows.EventRow`
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, whatever is deleted
  identifier_key INTEGER, id_high INTEGER NOT NULL, id_low INTEGER NOT NULL,
  digest INTEGER NOT NULL, event_id TEXT NOT NULL, event_time REAL NOT NULL,
  event_type INTEGER NOT NULL, channel INTEGER NOT NULL, store_id TEXT, item_ids TEXT NOT NULL,
  content TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,890030621136134750,6585250564839703327,800373948833402347,2943652666432306931,'shop@1799999993.0',1799999993.0,1,1,NULL,'shop','{"event_type":"detail-page-view","event_time":1799999993.0,"channel":"web","identifiers":[{"namespace":"loyalty_card","value":"26001"}],"lines":[{"item_id":"shop"}]}');
INSERT INTO "events" VALUES(2,2392275256279343656,4039677767504925469,6742023370107242744,-171219196101861755,'web@1799999994.0',1799999994.0,1,1,NULL,'web','{"event_type":"detail-page-view","event_time":1799999994.0,"channel":"web","identifiers":[{"namespace":"account","value":"anna"}],"lines":[{"item_id":"web"}]}');
INSERT INTO "events" VALUES(3,3891434018903696757,1457332447672959224,8194027266836737583,-7167721241540394971,'before@1799999991.0',1799999991.0,1,1,NULL,'before','{"event_type":"detail-page-view","event_time":1799999991.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"}],"lines":[{"item_id":"before"}]}');
INSERT INTO "events" VALUES(4,5838800477023206250,7079426635312366761,8518844235818633996,7933151188466071017,'login@1799999992.0',1799999992.0,1,1,NULL,'login','{"event_type":"detail-page-view","event_time":1799999992.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"},{"namespace":"account","value":"ben"}],"lines":[{"item_id":"login"}]}');
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "facts" VALUES('live','yes');
INSERT INTO "facts" VALUES('salt','397d1d8708bbdd7683777323c9e77598');
CREATE TABLE history ( -- a cache of events; columns as `recsys.storage.packed` says
  identifier_key INTEGER PRIMARY KEY, packed_seq INTEGER NOT NULL, -- the last event in it
  item_ids TEXT NOT NULL, codes BLOB NOT NULL,
  event_times BLOB NOT NULL -- seconds since 1970-01-01 UTC
);
INSERT INTO "history" VALUES(890030621136134750,1,'shop',X'0101',X'0000407E74D2DA41');
INSERT INTO "history" VALUES(2392275256279343656,2,'web',X'0101',X'0000807E74D2DA41');
INSERT INTO "history" VALUES(3891434018903696757,3,'before',X'0101',X'0000C07D74D2DA41');
CREATE TABLE identifiers (
  identifier_key INTEGER PRIMARY KEY, namespace TEXT NOT NULL, value TEXT NOT NULL,
  profile_key INTEGER -- key of the profile's first identifier; NULL for one that is alone
, consent_bits INTEGER NOT NULL DEFAULT 0);
INSERT INTO "identifiers" VALUES(890030621136134750,'loyalty_card','26001',2392275256279343656,0);
INSERT INTO "identifiers" VALUES(2392275256279343656,'account','anna',2392275256279343656,0);
INSERT INTO "identifiers" VALUES(3891434018903696757,'visitor','phone',NULL,0);
INSERT INTO "identifiers" VALUES(5838800477023206250,'account','ben',NULL,0);
CREATE TABLE items (
  item_id TEXT PRIMARY KEY, title TEXT, category TEXT, brand TEXT, price REAL, currency TEXT
) WITHOUT ROWID;
INSERT INTO "items" VALUES('web','Mug',NULL,NULL,NULL,NULL);
CREATE TABLE tombstones ( -- identifiers of the erased, always or from one moment to another
  identifier_key INTEGER NOT NULL, from_time REAL NOT NULL, until_time REAL NOT NULL,
  erase_time REAL NOT NULL, PRIMARY KEY (identifier_key, from_time)
) WITHOUT ROWID;
INSERT INTO "tombstones" VALUES(8755095470257896056,-9e999,9e999,1800000000.0);
CREATE INDEX consents_by_identifier ON consents (identifier_key);
CREATE INDEX identifiers_by_profile ON identifiers (profile_key) WHERE profile_key IS NOT NULL
;
CREATE INDEX events_by_identifier ON events (identifier_key, seq)
WHERE identifier_key IS NOT NULL
;
CREATE UNIQUE INDEX events_by_id ON events (id_high, id_low);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',5);
COMMIT;
PRAGMA user_version = 4;
