-- What cannot be done is refused before it is begun, and a table whose key types have changed since is an error that says what to do.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA changes;
SET search_path = changes, helper;
SET client_min_messages = warning;

CREATE TABLE items (id int PRIMARY KEY, title text);
INSERT INTO items SELECT i, 'Item ' || i FROM generate_series(1, 20) i;
CREATE TABLE events (user_id int, item_id int, kind text);
INSERT INTO events SELECT u, 1 + (u * 7 + n * 3) % 20, 'view' FROM generate_series(1, 30) u, generate_series(1, 6) n;
CREATE INDEX ON events (user_id);
SELECT reco.create_recommender('changes', 'events', 'user_id', 'item_id', items => 'items', item_key => 'id', item_label => 'title',
	options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('changes');

\echo == a transaction that cannot write: before anything is read
BEGIN READ ONLY;
SELECT count(*) FROM reco.recommend(1, 3, 'changes');
SELECT complaint($$ CALL reco.refresh('changes') $$);
SELECT complaint($$ CALL reco.refresh('nothing of this name') $$);
SELECT complaint($$ CALL reco.evaluate('changes') $$);
SELECT complaint($$ SELECT reco.deploy('changes', 1) $$);
ROLLBACK;
SET default_transaction_read_only = on;
CALL reco.refresh('changes');
RESET default_transaction_read_only;
SELECT version, deployed FROM reco.models WHERE recommender = 'changes';

\echo == in subtransactions: nothing of a refresh that is rolled back is left, its lock neither
BEGIN;
SAVEPOINT before;
CALL reco.refresh('changes');
SELECT count(*) FROM reco.recommend(1, 3, 'changes');
ROLLBACK TO before;
SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid();
SELECT count(*) FROM reco.models WHERE recommender = 'changes';
SELECT count(*) FROM reco.recommend(1, 3, 'changes');
COMMIT;
DO $$
BEGIN
	CALL reco.refresh('changes');
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid();
SELECT version, deployed FROM reco.models WHERE recommender = 'changes';

\echo == REPEATABLE READ, a cursor, DISCARD ALL
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM reco.recommend(1, 3, 'changes');
CALL reco.refresh('changes');
SELECT count(*) FROM reco.recommend(1, 3, 'changes');
ROLLBACK;
BEGIN;
DECLARE list CURSOR FOR SELECT rank FROM reco.recommend(1, 3, 'changes');
FETCH 1 FROM list;
DELETE FROM events;
FETCH 2 FROM list;
ROLLBACK;
PREPARE three AS SELECT count(*) FROM changes.events e, LATERAL reco.recommend(e.user_id, 3, 'changes') WHERE e.ctid = '(0,1)';
EXECUTE three;
ALTER TABLE events ALTER user_id TYPE bigint;
EXECUTE three;
ALTER TABLE events DROP COLUMN kind;
EXECUTE three;
DISCARD ALL;
SET search_path = changes, helper;
SET client_min_messages = warning;
SELECT count(*) FROM reco.recommend(1, 3, 'changes');

\echo == the key of the items is of another type now
BEGIN;
ALTER TABLE items ALTER id TYPE bigint;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
ALTER TABLE items ALTER id TYPE text;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
SELECT complaint($$ SELECT reco.score(1, 2, 'changes') $$);
SELECT complaint($$ SELECT reco.deploy('changes', 1) $$);
ALTER TABLE items ALTER id TYPE numeric USING id::numeric;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
ROLLBACK;

\echo == keys of the interactions are of another type now
BEGIN;
ALTER TABLE events ALTER item_id TYPE bigint;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
ALTER TABLE events ALTER item_id TYPE text;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
ALTER TABLE events ALTER item_id TYPE numeric USING item_id::numeric;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
SELECT complaint($$ CALL reco.refresh('changes') $$);
ROLLBACK;
BEGIN;
ALTER TABLE events ALTER user_id TYPE numeric;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
SELECT complaint($$ CALL reco.refresh('changes') $$);
ROLLBACK;

\echo == other columns of the interactions are of another type now
BEGIN;
ALTER TABLE events ADD at timestamptz, ADD stars numeric;
SELECT reco.alter_recommender('changes', time_column => 'at', value_column => 'stars');
ALTER TABLE events ALTER at TYPE int USING 1;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
SELECT complaint($$ CALL reco.refresh('changes') $$);
ALTER TABLE events ALTER at TYPE timestamp USING NULL, ALTER stars TYPE text USING NULL;
SELECT complaint($$ SELECT reco.recommend(1, 3, 'changes') $$);
ALTER TABLE events ALTER stars TYPE float4 USING NULL;
SELECT count(*) FROM reco.recommend(1, 3, 'changes');
ROLLBACK;

\echo == all rows are gone
BEGIN;
TRUNCATE events;
SELECT source, count(*) FROM reco.recommend(1, 3, 'changes') GROUP BY source;
SELECT complaint($$ CALL reco.refresh('changes') $$);
SELECT source, count(*) FROM reco.recommend(1, 3, 'changes') GROUP BY source;
TRUNCATE items;
SELECT count(*) FROM reco.recommend(1, 3, 'changes');
ROLLBACK;

\echo == the owner was dropped: who may be served is, and what only the owner may is refused
CREATE ROLE reco_changes_owner;
CREATE ROLE reco_changes_guest;
GRANT USAGE ON SCHEMA changes TO reco_changes_owner, reco_changes_guest;
GRANT SELECT ON events, items TO reco_changes_owner, reco_changes_guest;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
SELECT reco.alter_recommender('changes', owner => 'reco_changes_owner');
DROP OWNED BY reco_changes_owner;
DROP ROLE reco_changes_owner;
SET ROLE reco_changes_guest;
SELECT source, count(*) FROM reco.recommend(1, 3, 'changes') GROUP BY source;
SELECT complaint($$ SELECT reco.item_embedding(3, 'changes') $$);
SELECT complaint($$ CALL reco.refresh('changes') $$);
SELECT count(*) FROM reco.recommenders WHERE name = 'changes';
RESET ROLE;
SELECT reco.alter_recommender('changes', owner => 'reco_changes_guest');

SELECT reco.drop_recommender('changes');
SET client_min_messages = error;
DROP SCHEMA changes CASCADE;
DROP ROLE reco_changes_guest;
