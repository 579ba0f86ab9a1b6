-- Written by the code of commit e082e5c; see tests/storage/test_migrations.py.
BEGIN TRANSACTION;
CREATE TABLE catalog_changes ( -- as `recsys.storage.catalog_log`
  seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, subject_key INTEGER NOT NULL
);
CREATE TABLE consents ( -- every statement; what counts of an identifier is in consent_bits
  seq INTEGER PRIMARY KEY, identifier_key INTEGER NOT NULL, purpose INTEGER NOT NULL,
  channel INTEGER NOT NULL, -- 0 for every one
  status INTEGER NOT NULL, consent_time REAL NOT NULL, record_time REAL NOT NULL,
  source TEXT NOT NULL
);
INSERT INTO "consents" VALUES(1,7400649892166559873,3,0,2,1800000000.0,1800000000.0,'till');
CREATE TABLE erasures ( -- that somebody was erased, and not who
  erasure_id TEXT PRIMARY KEY, erase_time REAL NOT NULL, identifier_count INTEGER NOT NULL,
  event_count INTEGER NOT NULL, consent_count INTEGER NOT NULL, link_count INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "erasures" VALUES('f7e8d94589ae34df8a39711ae1db43bc',1800000000.0,1,1,0,0);
CREATE TABLE events ( -- as `recsys.storage.event_rows.EventRow`
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, whatever is deleted
  identifier_key INTEGER, id_high INTEGER NOT NULL, id_low INTEGER NOT NULL,
  digest INTEGER NOT NULL, event_id TEXT NOT NULL, event_time REAL NOT NULL,
  event_type INTEGER NOT NULL, channel INTEGER NOT NULL, store_id TEXT, item_ids TEXT NOT NULL,
  content TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,2122933534764455231,7956240270531290409,3147440656668465518,2943652666432306931,'shop@1799999993.0',1799999993.0,1,1,NULL,'shop','{"event_type":"detail-page-view","event_time":1799999993.0,"channel":"web","identifiers":[{"namespace":"loyalty_card","value":"26001"}],"lines":[{"item_id":"shop"}]}');
INSERT INTO "events" VALUES(2,3647829375191623643,7057598070623450245,7966459144026351032,-171219196101861755,'web@1799999994.0',1799999994.0,1,1,NULL,'web','{"event_type":"detail-page-view","event_time":1799999994.0,"channel":"web","identifiers":[{"namespace":"account","value":"anna"}],"lines":[{"item_id":"web"}]}');
INSERT INTO "events" VALUES(3,220485158081739242,4538539717072604740,6649303001527456863,-7167721241540394971,'before@1799999991.0',1799999991.0,1,1,NULL,'before','{"event_type":"detail-page-view","event_time":1799999991.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"}],"lines":[{"item_id":"before"}]}');
INSERT INTO "events" VALUES(4,7400649892166559873,7689666846642102530,3436498918746707372,7933151188466071017,'login@1799999992.0',1799999992.0,1,1,NULL,'login','{"event_type":"detail-page-view","event_time":1799999992.0,"channel":"web","identifiers":[{"namespace":"visitor","value":"phone"},{"namespace":"account","value":"ben"}],"lines":[{"item_id":"login"}]}');
CREATE TABLE exports ( -- files that hold people; as `recsys.storage.exports`
  seq INTEGER PRIMARY KEY, identifier_key INTEGER, kind TEXT NOT NULL, place TEXT NOT NULL,
  export_time REAL NOT NULL, last_seq INTEGER
);
INSERT INTO "exports" VALUES(1,3647829375191623643,'profile','shop:/tmp/anna.jsonl',1800000000.0,NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "facts" VALUES('identity_rules','{"confidence_min":0.5,"devices":["visitor"],"identifiers_per_person":16,"limit_default":8,"limits":{"account":4,"loyalty_card":4},"login_window_days":30.0,"people_per_device":5,"priority":["account","loyalty_card","pos_customer","email_sha256","phone_sha256"]}');
INSERT INTO "facts" VALUES('live','yes');
INSERT INTO "facts" VALUES('salt','c82884f4fc1cc7173b07d0057a3f91d6');
CREATE TABLE history ( -- a cache of events; columns as `recsys.storage.packed` says
  identifier_key INTEGER PRIMARY KEY, packed_seq INTEGER NOT NULL, -- the last event in it
  item_ids TEXT NOT NULL, codes BLOB NOT NULL,
  event_times BLOB NOT NULL -- seconds since 1970-01-01 UTC
);
INSERT INTO "history" VALUES(220485158081739242,3,'before',X'0101',X'0000C07D74D2DA41');
INSERT INTO "history" VALUES(2122933534764455231,1,'shop',X'0101',X'0000407E74D2DA41');
INSERT INTO "history" VALUES(3647829375191623643,2,'web',X'0101',X'0000807E74D2DA41');
CREATE TABLE identifiers (
  identifier_key INTEGER PRIMARY KEY, namespace TEXT NOT NULL, value TEXT NOT NULL,
  profile_key INTEGER -- of the strongest one that it is one with; NULL if nothing is linked
, consent_bits INTEGER NOT NULL DEFAULT 0, added_number INTEGER);
INSERT INTO "identifiers" VALUES(220485158081739242,'visitor','phone',220485158081739242,0,1);
INSERT INTO "identifiers" VALUES(2122933534764455231,'loyalty_card','26001',3647829375191623643,0,2);
INSERT INTO "identifiers" VALUES(3647829375191623643,'account','anna',3647829375191623643,0,3);
INSERT INTO "identifiers" VALUES(7399739767284992437,'email_sha256','ab',3647829375191623643,0,4);
INSERT INTO "identifiers" VALUES(7400649892166559873,'account','ben',7400649892166559873,0,5);
CREATE TABLE items (
  item_key INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE,
  content TEXT -- JSON; NULL of those that were deleted, whose keys are not given again
);
INSERT INTO "items" VALUES(1,'web','{"title":"Mug"}');
CREATE TABLE links ( -- evidence; as `recsys.storage.link_rows.LinkRow`
  one_key INTEGER NOT NULL, is_login INTEGER NOT NULL, other_key INTEGER NOT NULL,
  kind INTEGER NOT NULL, source TEXT NOT NULL, confidence REAL NOT NULL,
  first_time REAL NOT NULL, last_time REAL NOT NULL, times BLOB NOT NULL,
  PRIMARY KEY (one_key, is_login, other_key, kind, source)
) WITHOUT ROWID;
INSERT INTO "links" VALUES(3647829375191623643,0,2122933534764455231,2,'import',1.0,0.0,0.0,X'0000000000000000');
INSERT INTO "links" VALUES(3647829375191623643,0,7399739767284992437,1,'crm',1.0,1800000000.0,1800000000.0,X'0000008074D2DA41');
INSERT INTO "links" VALUES(7400649892166559873,1,220485158081739242,3,'web',1.0,1799999992.0,1799999992.0,X'0000007E74D2DA41');
CREATE TABLE offer_spends ( -- sums of reservations; costs in millionths
  offer_key INTEGER PRIMARY KEY, reserved_count INTEGER NOT NULL, reserved_cost INTEGER NOT NULL,
  committed_count INTEGER NOT NULL, committed_cost INTEGER NOT NULL
);
INSERT INTO "offer_spends" VALUES(1,1,1000000,1,1000000);
CREATE TABLE offer_uses ( -- whose reservations are; by each identifier that was named
  identifier_key INTEGER NOT NULL, offer_key INTEGER NOT NULL, reservation_key INTEGER NOT NULL,
  use_time REAL NOT NULL, -- when it was reserved
  PRIMARY KEY (identifier_key, offer_key, reservation_key)
) WITHOUT ROWID;
INSERT INTO "offer_uses" VALUES(3647829375191623643,1,1,1800000000.0);
INSERT INTO "offer_uses" VALUES(7400649892166559873,1,2,1800000000.0);
CREATE TABLE offers (
  offer_key INTEGER PRIMARY KEY, offer_id TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL, -- of the last change
  content TEXT -- JSON; NULL of those that were deleted, whose keys are not given again
);
INSERT INTO "offers" VALUES(1,'ten',1800000000000001,'{"benefit":{"type":"percent","percent":10.0},"currency":"EUR","cost_micros":1000000,"caps":[{"count":1}]}');
CREATE TABLE reservations ( -- as `recsys.storage.offers_rows.ReservationRow`
  reservation_key INTEGER PRIMARY KEY AUTOINCREMENT, id_high INTEGER NOT NULL,
  id_low INTEGER NOT NULL, digest INTEGER NOT NULL, offer_key INTEGER NOT NULL,
  state INTEGER NOT NULL, cost INTEGER NOT NULL, reserve_time REAL NOT NULL,
  expire_time REAL NOT NULL, settle_time REAL, channel INTEGER NOT NULL, store_id TEXT
);
INSERT INTO "reservations" VALUES(1,8998126679188456588,3459654095417958511,2568120482228032392,1,2,1000000,1800000000.0,1800000060.0,1800000000.0,0,NULL);
INSERT INTO "reservations" VALUES(2,2878196272467747261,9191894443281068486,7498243716027114844,1,1,1000000,1800000000.0,1800000060.0,NULL,0,NULL);
CREATE TABLE saved_segments (name TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE segments ( -- what links make of it; as `recsys.storage.link_rows.SegmentRow`
  owner_key INTEGER NOT NULL, identifier_key INTEGER NOT NULL, from_time REAL NOT NULL,
  until_time REAL NOT NULL, login_day INTEGER NOT NULL,
  PRIMARY KEY (owner_key, identifier_key, from_time)
) WITHOUT ROWID;
INSERT INTO "segments" VALUES(2122933534764455231,2122933534764455231,-9e999,9e999,2147483647);
INSERT INTO "segments" VALUES(3647829375191623643,3647829375191623643,-9e999,9e999,2147483647);
INSERT INTO "segments" VALUES(7399739767284992437,7399739767284992437,-9e999,9e999,2147483647);
INSERT INTO "segments" VALUES(7400649892166559873,220485158081739242,1797407992.0,9e999,20833);
INSERT INTO "segments" VALUES(7400649892166559873,7400649892166559873,-9e999,9e999,2147483647);
CREATE TABLE stock ( -- keys as `recsys.storage.catalog_rows.cell_key`
  cell_key INTEGER PRIMARY KEY, counted REAL NOT NULL,
  counted_time REAL, -- NULL if it never was
  total REAL -- NULL if nothing was adjusted since
);
CREATE TABLE stock_adjustments (
  cell_key INTEGER NOT NULL, adjustment_id TEXT NOT NULL, stock_time REAL NOT NULL,
  quantity REAL NOT NULL, PRIMARY KEY (cell_key, adjustment_id)
) WITHOUT ROWID;
CREATE TABLE stores (
  store_key INTEGER PRIMARY KEY, store_id TEXT NOT NULL UNIQUE, content TEXT NOT NULL
);
INSERT INTO "stores" VALUES(1,'online','{"store_id":"online","kind":"online"}');
CREATE TABLE tombstones ( -- identifiers of the erased, always or from one moment to another
  identifier_key INTEGER NOT NULL, from_time REAL NOT NULL, until_time REAL NOT NULL,
  erase_time REAL NOT NULL, PRIMARY KEY (identifier_key, from_time)
) WITHOUT ROWID;
INSERT INTO "tombstones" VALUES(479416695179533038,-9e999,9e999,1800000000.0);
CREATE TABLE trigger_messages ( -- what was decided; as `recsys.triggers.Message`
  message_key INTEGER PRIMARY KEY AUTOINCREMENT, id_high INTEGER NOT NULL, id_low INTEGER NOT NULL,
  name TEXT NOT NULL, identifier_key INTEGER NOT NULL, channel INTEGER NOT NULL,
  state INTEGER NOT NULL, cause TEXT, event_time REAL NOT NULL, decide_time REAL NOT NULL,
  expire_time REAL NOT NULL, consumer TEXT NOT NULL DEFAULT '', -- who took it last
  lease_time REAL, -- until when nobody else gets it
  content TEXT NOT NULL
);
CREATE TABLE trigger_turns ( -- whose turn it is to decide, and how far the log has been seen to
  name TEXT PRIMARY KEY, holder TEXT NOT NULL, until_time REAL NOT NULL, place INTEGER
) WITHOUT ROWID;
CREATE TABLE trigger_waits ( -- carts that are looked at later
  name TEXT NOT NULL, identifier_key INTEGER NOT NULL, due_time REAL NOT NULL,
  PRIMARY KEY (name, identifier_key)
) WITHOUT ROWID;
CREATE INDEX consents_by_identifier ON consents (identifier_key);
CREATE INDEX links_by_other ON links (other_key, is_login);
CREATE INDEX segments_by_identifier ON segments (identifier_key, until_time);
CREATE INDEX items_deleted ON items (item_key) WHERE content IS NULL;
CREATE INDEX identifiers_by_profile ON identifiers (profile_key) WHERE profile_key IS NOT NULL
;
CREATE INDEX events_by_identifier ON events (identifier_key, seq)
WHERE identifier_key IS NOT NULL
;
CREATE UNIQUE INDEX events_by_id ON events (id_high, id_low);
CREATE INDEX exports_by_identifier ON exports (identifier_key);
CREATE INDEX identifiers_by_number -- in the order in which they came
ON identifiers (added_number);
CREATE TRIGGER identifiers_numbered AFTER INSERT ON identifiers BEGIN
  UPDATE identifiers SET added_number = (SELECT coalesce(max(added_number), 0) + 1 FROM identifiers)
  WHERE identifier_key = new.identifier_key; END;
CREATE INDEX offers_by_seq ON offers (seq);
CREATE UNIQUE INDEX reservations_by_id ON reservations (id_high, id_low);
CREATE INDEX reservations_held ON reservations (offer_key, expire_time) WHERE state = 1;
CREATE INDEX reservations_over ON reservations (settle_time) WHERE state >= 3;
CREATE INDEX offer_uses_by_reservation ON offer_uses (reservation_key);
CREATE INDEX trigger_waits_by_time ON trigger_waits (due_time);
CREATE INDEX trigger_waits_by_identifier ON trigger_waits (identifier_key);
CREATE UNIQUE INDEX trigger_messages_by_id ON trigger_messages (id_high, id_low);
CREATE INDEX trigger_messages_by_identifier ON trigger_messages (identifier_key);
CREATE INDEX trigger_messages_by_time ON trigger_messages (decide_time);
CREATE INDEX trigger_messages_open ON trigger_messages (message_key) WHERE state <= 2;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',5);
INSERT INTO "sqlite_sequence" VALUES('reservations',2);
COMMIT;
PRAGMA user_version = 10;
