-- Written by the code of commit a722ba6; see tests/storage/test_migrations.py.
BEGIN TRANSACTION;
CREATE TABLE events ( -- as `recsys.storage.event_rows.EventRow`
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, whatever is deleted
  identifier_key INTEGER, id_high INTEGER NOT NULL, id_low INTEGER NOT NULL,
  digest INTEGER NOT NULL, event_id TEXT NOT NULL, event_time REAL NOT NULL,
  event_type INTEGER NOT NULL, channel INTEGER NOT NULL, store_id TEXT, item_ids TEXT NOT NULL,
  content TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,6851137089614626576,6013249000867784138,5863756156337897605,2943652666432306931,'shop@1799999993.0',1799999993.0,1,1,NULL,'shop','{"event_type":"detail-page-view","event_time":1799999993.0,"channel":"web","identifiers":[{"namespace":"loyalty_card","value":"26001"}],"lines":[{"item_id":"shop"}]}');
INSERT INTO "events" VALUES(2,8836017713706144493,6106249920900546989,946845601682225680,-171219196101861755,'web@1799999994.0',1799999994.0,1,1,NULL,'web','{"event_type":"detail-page-view","event_time":1799999994.0,"channel":"web","identifiers":[{"namespace":"account","value":"anna"}],"lines":[{"item_id":"web"}]}');
INSERT INTO "events" VALUES(3,901233964546778490,8419751751831233290,4995441994940786230,-7167721241540394971,'before@1799999991.0',1799999991.0,1,1,NULL,'before','{"event_type":"detail-page-view","event_time":1799999991.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"}],"lines":[{"item_id":"before"}]}');
INSERT INTO "events" VALUES(4,6006287049388728788,6426098824800383151,3910392521915803501,7933151188466071017,'login@1799999992.0',1799999992.0,1,1,NULL,'login','{"event_type":"detail-page-view","event_time":1799999992.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"},{"namespace":"account","value":"ben"}],"lines":[{"item_id":"login"}]}');
INSERT INTO "events" VALUES(5,1868253341860361303,4956925941836401540,3305133361161176905,-2902824646515539355,'secret@1799999995.0',1799999995.0,1,1,NULL,'secret','{"event_type":"detail-page-view","event_time":1799999995.0,"channel":"web","identifiers":[{"namespace":"account","value":"eve"}],"lines":[{"item_id":"secret"}]}');
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "facts" VALUES('live','yes');
INSERT INTO "facts" VALUES('salt','89afd94fe8e308fc64841c5dcba31a0a');
CREATE TABLE history ( -- a cache of events; columns as `recsys.storage.packed` says
  identifier_key INTEGER PRIMARY KEY, packed_seq INTEGER NOT NULL, -- the last event in it
  item_ids TEXT NOT NULL, codes BLOB NOT NULL,
  event_times BLOB NOT NULL -- seconds since 1970-01-01 UTC
);
INSERT INTO "history" VALUES(901233964546778490,3,'before',X'0101',X'0000C07D74D2DA41');
INSERT INTO "history" VALUES(6851137089614626576,1,'shop',X'0101',X'0000407E74D2DA41');
INSERT INTO "history" VALUES(8836017713706144493,2,'web',X'0101',X'0000807E74D2DA41');
CREATE TABLE identifiers (
  identifier_key INTEGER PRIMARY KEY, namespace TEXT NOT NULL, value TEXT NOT NULL,
  profile_key INTEGER -- key of the profile's first identifier; NULL for one that is alone
);
INSERT INTO "identifiers" VALUES(901233964546778490,'visitor','phone',NULL);
INSERT INTO "identifiers" VALUES(1868253341860361303,'account','eve',NULL);
INSERT INTO "identifiers" VALUES(6006287049388728788,'account','ben',NULL);
INSERT INTO "identifiers" VALUES(6851137089614626576,'loyalty_card','26001',8836017713706144493);
INSERT INTO "identifiers" VALUES(8836017713706144493,'account','anna',8836017713706144493);
CREATE TABLE items (
  item_id TEXT PRIMARY KEY, title TEXT, category TEXT, brand TEXT, price REAL, currency TEXT
) WITHOUT ROWID;
INSERT INTO "items" VALUES('web','Mug',NULL,NULL,NULL,NULL);
CREATE INDEX identifiers_by_profile ON identifiers (profile_key) WHERE profile_key IS NOT NULL
;
CREATE INDEX events_by_identifier ON events (identifier_key, seq)
WHERE identifier_key IS NOT NULL
;
CREATE UNIQUE INDEX events_by_id ON events (id_high, id_low);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',5);
COMMIT;
PRAGMA user_version = 3;
