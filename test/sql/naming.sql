-- A call without a name uses a recommender of the caller's own side, or none: never one that somebody else planted.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
RESET client_min_messages;

-- chosen() says which recommender an unnamed call would use: none has learned, and the error names it.
CREATE FUNCTION chosen() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
	state text;
BEGIN
	PERFORM reco.score(1::bigint, 1::bigint);
	RETURN NEXT 'a score';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
	IF state = '55000' THEN
		RETURN NEXT 'chosen: ' || substring(message FROM '"(.*)"');
		RETURN;
	END IF;
	RETURN NEXT state || ': ' || message;
	IF detail <> '' THEN
		RETURN NEXT '  detail: ' || detail;
	END IF;
	IF hint <> '' THEN
		RETURN NEXT '  hint: ' || hint;
	END IF;
END $$;

CREATE ROLE regress_reco_planter;
CREATE ROLE regress_reco_keeper;
CREATE ROLE regress_reco_team;
CREATE ROLE regress_reco_mate IN ROLE regress_reco_team;
CREATE ROLE regress_reco_reader;
CREATE ROLE regress_reco_super SUPERUSER;
CREATE SCHEMA den;
GRANT ALL ON SCHEMA den TO PUBLIC;
SET search_path = den, public;
GRANT EXECUTE ON FUNCTION reco.create_recommender TO regress_reco_planter, regress_reco_keeper, regress_reco_team;

-- Nothing is defined.
SELECT chosen();

-- Planted: a recommender over a view of its owner's, which runs a function of its owner's as whoever reads it.
SET ROLE regress_reco_planter;
CREATE FUNCTION grab() RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RAISE NOTICE 'running as %', current_user;
	RETURN 1;
END $$;
CREATE VIEW bait AS SELECT den.grab() AS user_id, 1 AS item_id;
GRANT SELECT ON bait TO PUBLIC;
SELECT reco.create_recommender('planted', 'bait', 'user_id', 'item_id');
SELECT 'its owner is served', chosen();
SET ROLE regress_reco_super;
SELECT 'a superuser is not', chosen();
SET ROLE regress_reco_reader;
SELECT 'nor a role that may read the view', chosen();
RESET ROLE;
SELECT 'nor the superuser of this session', chosen();

-- Own tables.
SET ROLE regress_reco_keeper;
CREATE TABLE visits (visitor bigint, page bigint);
CREATE INDEX ON visits (visitor);
CREATE TABLE pages (id bigint PRIMARY KEY, title text);
GRANT SELECT ON visits, pages TO regress_reco_planter, regress_reco_team, regress_reco_reader;
SELECT 'no own recommender', chosen();

-- Somebody's recommender over the keeper's tables is the keeper's when all its relations are the keeper's.
SET ROLE regress_reco_team;
SELECT reco.create_recommender('by team', 'visits', 'visitor', 'page', items => 'pages', item_key => 'id');
SET ROLE regress_reco_keeper;
SELECT 'over own tables', chosen();
SET ROLE regress_reco_mate;
SELECT 'of a role the caller was granted', chosen();
SET ROLE regress_reco_reader;
SELECT 'a reader of the tables must say', chosen();
SET ROLE regress_reco_super;
SELECT 'a superuser too', chosen();
RESET ROLE;
GRANT regress_reco_team TO regress_reco_super;
SET ROLE regress_reco_super;
SELECT 'a superuser who was granted the owner', chosen();
RESET ROLE;
REVOKE regress_reco_team FROM regress_reco_super;
SET ROLE regress_reco_team;
SELECT reco.drop_recommender('by team');

-- One that adds items of somebody else's to the keeper's interactions is not.
SET ROLE regress_reco_planter;
CREATE VIEW bait_pages AS SELECT den.grab()::bigint AS id, 'title'::text AS title;
GRANT SELECT ON bait_pages TO PUBLIC;
SELECT reco.create_recommender('planted items', 'visits', 'visitor', 'page', items => 'bait_pages', item_key => 'id');
SET ROLE regress_reco_keeper;
SELECT 'items of somebody else', chosen();
SET ROLE regress_reco_planter;
SELECT reco.alter_recommender('planted items', unset => '{items, item_key}', users => 'bait_pages', user_key => 'id');
SET ROLE regress_reco_keeper;
SELECT 'users of somebody else', chosen();
SET ROLE regress_reco_planter;
SELECT reco.drop_recommender('planted items');

-- Nor does one that somebody puts over the keeper's tables stand in the way of the keeper's own.
SELECT reco.create_recommender('over visits', 'visits', 'visitor', 'page');
SET ROLE regress_reco_keeper;
SELECT reco.create_recommender('own', 'visits', 'visitor', 'page');
SELECT 'own before others', chosen();

-- Several: the setting decides, else an error.
SELECT reco.create_recommender('own too', 'visits', 'visitor', 'page');
SELECT 'several', chosen();
SET reco.default_recommender = 'own too';
SELECT 'the setting', chosen();
SET reco.default_recommender = 'own toe';
SELECT 'the setting is wrong', chosen();
RESET reco.default_recommender;

-- A superuser's own is chosen among all that are there.
SET ROLE regress_reco_super;
SELECT reco.create_recommender('super', 'visits', 'visitor', 'page');
SELECT 'of the superuser', chosen();

-- Inside a function of its definer's, the definer is the caller.
SET ROLE regress_reco_keeper;
SELECT reco.drop_recommender('own too');
CREATE FUNCTION definer() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = den, pg_temp
AS 'SELECT public.chosen()';
SET ROLE regress_reco_reader;
SELECT 'the definer', definer();

-- What is seen is what the snapshot sees: renamed and rolled back, and dropped.
SET ROLE regress_reco_keeper;
BEGIN;
SELECT reco.alter_recommender('own', new_name => 'renamed');
SELECT chosen();
ROLLBACK;
SELECT chosen();
SELECT reco.drop_recommender('own');
SELECT 'two of others over own tables', chosen();

-- Many recommenders of others cost an unnamed call nothing that stays: forms that are looked at and not chosen are not kept.
SET ROLE regress_reco_planter;
SELECT count(reco.create_recommender('many ' || i, 'bait', 'user_id', 'item_id')) FROM generate_series(1, 300) i;
RESET ROLE;
BEGIN;
SELECT count(*) >= 300 FROM reco.recommenders;
SELECT count(*) FROM generate_series(1, 3), LATERAL chosen();
SELECT count(*) <= 60 FROM pg_backend_memory_contexts WHERE name = 'reco definition';
COMMIT;

RESET ROLE;
SELECT count(reco.drop_recommender(name)) FROM reco.recommenders;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA den CASCADE;
DROP FUNCTION chosen;
RESET client_min_messages;
REVOKE EXECUTE ON FUNCTION reco.create_recommender FROM regress_reco_planter, regress_reco_keeper, regress_reco_team;
DROP ROLE regress_reco_planter, regress_reco_keeper, regress_reco_team, regress_reco_mate, regress_reco_reader, regress_reco_super;
