-- warm() builds and opens the mapped file of the deployed version; verify() says what is wrong with stored versions and
-- their files; both check rights.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA w;
SET search_path = w, public;
CREATE TABLE events (user_id int, item_id int);
INSERT INTO events SELECT u, i FROM generate_series(1, 40) u, generate_series(1, 30) i WHERE hashint8extended(u * 100 + i, 1) & 3 = 0;
SELECT reco.create_recommender('warm', interactions => 'events', user_column => 'user_id', item_column => 'item_id', shared_catalogue => true);
SELECT * FROM reco.warm('warm');                                -- nothing learned yet
SELECT * FROM reco.verify('warm');
CALL reco.refresh('warm', options => '{"factors": 8, "iterations": 2}');
CALL reco.refresh('warm', options => '{"factors": 6, "iterations": 2}');

-- one row: the deployed version, its items, the size of its file
SELECT version, items, bytes > 1000 AS has_bytes, storage FROM reco.warm('warm');
SELECT w.bytes = (s.file).size AS as_large_as_its_file, (s.file).isdir
FROM reco.warm('warm') w, reco.version v, LATERAL (
	SELECT pg_stat_file('base/pgsql_tmp/pgsql_tmp_reco/' || f) AS file FROM pg_ls_dir('base/pgsql_tmp/pgsql_tmp_reco') f
	WHERE f ~ v.key::text) s
WHERE v.number = 2 AND v.recommender = (SELECT key FROM reco.recommender WHERE name = 'warm');
SELECT * FROM reco.verify('warm');                              -- nothing is wrong

-- verify reads every version that is kept, and tells tensor and chunk
CREATE FUNCTION pg_temp.digest_of(which int, of text) RETURNS bytea LANGUAGE sql AS
$$SELECT c.digest FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender
	WHERE r.name = 'warm' AND c.number = which AND c.tensor = of AND c.chunk = 0$$;
BEGIN;
UPDATE reco.chunk SET data = set_byte(data, 5, get_byte(data, 5) # 1) WHERE digest = pg_temp.digest_of(1, 'item_factor');
UPDATE reco.chunk SET data = data || '\x00' WHERE digest = pg_temp.digest_of(2, 'item_norm');
SET LOCAL session_replication_role = replica;
DELETE FROM reco.chunk WHERE digest = pg_temp.digest_of(2, 'item_factor');
DELETE FROM reco.version_chunk WHERE digest = pg_temp.digest_of(2, 'gram_eigenvalue');
INSERT INTO reco.version_chunk SELECT recommender, number, 'item_factor', 7, digest FROM reco.version_chunk WHERE digest = pg_temp.digest_of(2, 'als_parameters');
SELECT * FROM reco.verify('warm');
ROLLBACK;
BEGIN;
UPDATE reco.version SET tensors = tensors #- '{1,name}' WHERE number = 1;
SELECT * FROM reco.verify('warm');
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
WITH bad AS (SELECT recommender, digest AS old, sha256(data) AS digest, data
	FROM (SELECT recommender, digest, overlay(data PLACING '\x0000c07f' FROM 1) AS data FROM reco.chunk WHERE digest = pg_temp.digest_of(2, 'item_factor')) x),
	put AS (INSERT INTO reco.chunk SELECT recommender, digest, data FROM bad)
UPDATE reco.version_chunk c SET digest = bad.digest FROM bad WHERE c.digest = bad.old;
SELECT * FROM reco.verify('warm');
ROLLBACK;
SELECT * FROM reco.verify('warm');

-- who may be served may warm; verify is for the owner
CREATE ROLE regress_warm_reader;
CREATE ROLE regress_warm_nobody;
GRANT USAGE ON SCHEMA w TO regress_warm_reader, regress_warm_nobody;
GRANT SELECT ON events TO regress_warm_reader;
SET ROLE regress_warm_reader;
SELECT version, storage FROM reco.warm('warm');
SELECT * FROM reco.verify('warm');
SET ROLE regress_warm_nobody;
SELECT * FROM reco.warm('warm');
SELECT * FROM reco.verify('warm');
RESET ROLE;
SELECT * FROM reco.warm('wram');
SELECT * FROM reco.verify('wram');

-- without a name the recommender is found as for any other call, also in a read-only transaction
SET reco.default_recommender = 'warm';
BEGIN READ ONLY;
SELECT version, storage FROM reco.warm();
SELECT count(*) FROM reco.verify();
COMMIT;
RESET reco.default_recommender;
SELECT reco.drop_recommender('warm');
DROP SCHEMA w CASCADE;
DROP OWNED BY regress_warm_reader, regress_warm_nobody;
DROP ROLE regress_warm_reader, regress_warm_nobody;
