/* reco 0.1.0: recommendations with reasons, inside PostgreSQL. */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION reco" to load this file. \quit

-- the path that the script is run under begins with the schema that objects would be made in, where others may have put
-- operators that fit better than the system's: they would become part of views (CVE-2018-1058)
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA reco;
COMMENT ON SCHEMA reco IS 'recommendations with reasons';
GRANT USAGE ON SCHEMA reco TO PUBLIC;

/*
 * References.  A definition refers to relations and to its owner by OID, as regclass and regrole do, and a dump holds names.
 * In a database where there is nothing of the name these types read no reference, where regclass and regrole would make
 * the restore of all definitions fail.
 */

CREATE TYPE reco.relation_reference;

CREATE FUNCTION reco.relation_reference_in(cstring) RETURNS reco.relation_reference
AS 'MODULE_PATHNAME', 'reco_relation_reference_in'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.relation_reference_in(cstring) IS 'input of reco.relation_reference';

CREATE FUNCTION reco.relation_reference_out(reco.relation_reference) RETURNS cstring
AS 'MODULE_PATHNAME', 'reco_relation_reference_out'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.relation_reference_out(reco.relation_reference) IS 'output of reco.relation_reference';

CREATE TYPE reco.relation_reference (INPUT = reco.relation_reference_in, OUTPUT = reco.relation_reference_out, LIKE = oid);
COMMENT ON TYPE reco.relation_reference IS 'a relation by its OID, or none where there is no relation of the name; used in reco.recommender';
CREATE CAST (regclass AS reco.relation_reference) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (reco.relation_reference AS oid) WITHOUT FUNCTION;

CREATE TYPE reco.role_reference;

CREATE FUNCTION reco.role_reference_in(cstring) RETURNS reco.role_reference
AS 'MODULE_PATHNAME', 'reco_role_reference_in'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.role_reference_in(cstring) IS 'input of reco.role_reference';

CREATE FUNCTION reco.role_reference_out(reco.role_reference) RETURNS cstring
AS 'MODULE_PATHNAME', 'reco_role_reference_out'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.role_reference_out(reco.role_reference) IS 'output of reco.role_reference';

CREATE TYPE reco.role_reference (INPUT = reco.role_reference_in, OUTPUT = reco.role_reference_out, LIKE = oid);
COMMENT ON TYPE reco.role_reference IS 'a role by its OID, or none where there is no role of the name; used in reco.recommender';
CREATE CAST (regrole AS reco.role_reference) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (reco.role_reference AS oid) WITHOUT FUNCTION;

/*
 * Tables.  Nobody but the extension's owner has any right on them; the views
 * below show what a role may see.  Keys are uuid, so that rows of a restored
 * copy keep their identity.  There are no foreign keys between them: those of an
 * extension are there before its data, and pg_restore --jobs loads its
 * tables in any order.  Only the library writes here; it locks the row of the
 * recommender first and deletes what hangs on a row with it.
 */

CREATE TABLE reco.recommender (
	key uuid PRIMARY KEY,
	name text COLLATE "C" NOT NULL UNIQUE CHECK (name <> ''),
	owner reco.role_reference NOT NULL,
	created_at timestamptz NOT NULL,
	algorithm text NOT NULL,
	feedback text NOT NULL CHECK (feedback IN ('implicit', 'explicit')),
	interactions reco.relation_reference NOT NULL,
	interactions_name text NOT NULL,
	user_column name NOT NULL,
	item_column name NOT NULL,
	event_column name,
	event_weights jsonb,
	value_column name,
	time_column name,
	half_life interval,
	items reco.relation_reference,
	items_name text,
	item_key name,
	item_label name,
	item_features name[],
	items_time_column name,
	users reco.relation_reference,
	users_name text,
	user_key name,
	user_features name[],
	protected name[],
	shared_catalogue boolean NOT NULL,
	options jsonb NOT NULL,
	deployed integer,
	reviews reco.relation_reference,
	reviews_name text,
	reviews_item_column name,
	reviews_user_column name,
	review_aspects name[],
	review_min double precision,
	review_people integer
);
COMMENT ON TABLE reco.recommender IS 'definitions: which tables feed a recommender and how; seen through the view reco.recommenders';

CREATE TABLE reco.version (
	recommender uuid NOT NULL,
	number integer NOT NULL CHECK (number > 0),
	key uuid NOT NULL UNIQUE,
	created_at timestamptz NOT NULL,
	format integer NOT NULL,
	algorithm text NOT NULL,
	user_type regtype NOT NULL,
	item_type regtype NOT NULL,
	as_of timestamptz,
	n_users bigint NOT NULL,
	n_items bigint NOT NULL,
	n_interactions bigint NOT NULL,
	options jsonb NOT NULL,
	metrics jsonb NOT NULL,
	tensors jsonb NOT NULL,
	PRIMARY KEY (recommender, number)
);
COMMENT ON TABLE reco.version IS 'model versions: one row a finished refresh; seen through the view reco.models';

CREATE TABLE reco.chunk (
	recommender uuid NOT NULL,
	digest bytea NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (recommender, digest)
);
ALTER TABLE reco.chunk ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE reco.chunk IS 'pieces of tensors of about 1 MB, addressed by the SHA-256 of their bytes, shared between versions';

CREATE TABLE reco.version_chunk (
	recommender uuid NOT NULL,
	number integer NOT NULL,
	tensor text COLLATE "C" NOT NULL,
	chunk integer NOT NULL CHECK (chunk >= 0),
	digest bytea NOT NULL,
	PRIMARY KEY (recommender, number, tensor, chunk)
);
COMMENT ON TABLE reco.version_chunk IS 'which chunks, in which order, make up which tensor of a version';
CREATE INDEX version_chunk_digest_idx ON reco.version_chunk (recommender, digest);

CREATE TABLE reco.evaluation (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	recommender uuid NOT NULL,
	created_at timestamptz NOT NULL,
	command text NOT NULL,
	split text NOT NULL,
	options jsonb NOT NULL,
	counts jsonb NOT NULL
);
COMMENT ON TABLE reco.evaluation IS 'one row a reco.evaluate(), reco.compare() or reco.learning_curve(); seen through the view reco.evaluations';

CREATE TABLE reco.evaluation_model (
	evaluation bigint NOT NULL,
	model text NOT NULL,
	place integer NOT NULL,
	algorithm text,
	options jsonb,
	share integer,
	n_interactions bigint,
	seconds double precision,
	PRIMARY KEY (evaluation, model)
);
COMMENT ON TABLE reco.evaluation_model IS 'the models of an evaluation and how they were learned; algorithm is NULL for a baseline; share is the percentage of training users learned from';

CREATE TABLE reco.evaluation_metric (
	evaluation bigint NOT NULL,
	model text NOT NULL,
	user_group text NOT NULL,
	item_group text NOT NULL,
	metric text NOT NULL,
	k integer NOT NULL,
	value double precision,
	low double precision,
	high double precision,
	users bigint NOT NULL,
	PRIMARY KEY (evaluation, model, user_group, item_group, metric, k)
);
COMMENT ON TABLE reco.evaluation_metric IS 'the measured values of an evaluation; k is 0 for metrics without a list length';

CREATE TABLE reco.evaluation_difference (
	evaluation bigint NOT NULL,
	model text NOT NULL,
	versus text NOT NULL,
	metric text NOT NULL,
	k integer NOT NULL,
	value double precision,
	low double precision,
	high double precision,
	PRIMARY KEY (evaluation, model, versus, metric, k)
);
COMMENT ON TABLE reco.evaluation_difference IS 'how each two models of an evaluation differ, with paired bootstrap intervals; each pair once';

CREATE TABLE reco.trial (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	recommender uuid NOT NULL,
	digest text COLLATE "C" NOT NULL,
	place integer NOT NULL,
	share integer NOT NULL,
	created_at timestamptz NOT NULL,
	algorithm text NOT NULL,
	options jsonb NOT NULL,
	resolved jsonb NOT NULL,
	metric text NOT NULL,
	k integer NOT NULL,
	value double precision,
	low double precision,
	high double precision,
	gain double precision,
	gain_low double precision,
	gain_high double precision,
	seconds double precision,
	resampled double precision[] NOT NULL,
	UNIQUE (recommender, digest, place, share)
);
COMMENT ON TABLE reco.trial IS 'settings that reco.tune() has tried; digest is of the data, the definition and the options of the search; seen through the view reco.trials';

CREATE TABLE reco.reason_template (
	kind text COLLATE "C" NOT NULL,
	lang text COLLATE "C" NOT NULL CHECK (length(lang) <= 35 AND lang ~ '^[a-z0-9]+([-_][a-z0-9]+)*$'),
	variant integer NOT NULL CHECK (variant > 0),
	pattern text NOT NULL CHECK (length(pattern) BETWEEN 1 AND 1000),
	min_evidence integer NOT NULL DEFAULT 1 CHECK (min_evidence >= 0),
	weight double precision NOT NULL DEFAULT 1 CHECK (weight >= 0 AND weight <= 1e9),
	builtin boolean NOT NULL DEFAULT false,
	PRIMARY KEY (kind, lang, variant, builtin)
);
COMMENT ON TABLE reco.reason_template IS 'how reasons are worded; an edited row hides the built-in one of the same kind, language and variant; seen through the view reco.reason_templates';

SELECT pg_catalog.pg_extension_config_dump('reco.reason_template', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('reco.recommender', '');
SELECT pg_catalog.pg_extension_config_dump('reco.version', '');
SELECT pg_catalog.pg_extension_config_dump('reco.chunk', '');
SELECT pg_catalog.pg_extension_config_dump('reco.version_chunk', '');
SELECT pg_catalog.pg_extension_config_dump('reco.evaluation', '');
SELECT pg_catalog.pg_extension_config_dump('reco.evaluation_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('reco.evaluation_model', '');
SELECT pg_catalog.pg_extension_config_dump('reco.evaluation_metric', '');
SELECT pg_catalog.pg_extension_config_dump('reco.evaluation_difference', '');
SELECT pg_catalog.pg_extension_config_dump('reco.trial', '');
SELECT pg_catalog.pg_extension_config_dump('reco.trial_id_seq', '');

/* Definition. */

CREATE FUNCTION reco.create_recommender(
	name text,
	interactions regclass,
	user_column name,
	item_column name,
	event_column name = NULL,
	event_weights jsonb = NULL,
	value_column name = NULL,
	time_column name = NULL,
	half_life interval = NULL,
	feedback text = 'implicit',
	items regclass = NULL,
	item_key name = NULL,
	item_label name = NULL,
	item_features name[] = NULL,
	items_time_column name = NULL,
	users regclass = NULL,
	user_key name = NULL,
	user_features name[] = NULL,
	shared_catalogue boolean = false,
	algorithm text = 'als',
	options jsonb = NULL,
	protected name[] = NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'reco_create_recommender'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.create_recommender(text, regclass, name, name, name, jsonb, name, name, interval, text, regclass, name, name, name[], name, regclass, name, name[], boolean, text, jsonb, name[])
	IS 'defines a recommender over tables that exist; learn it with CALL reco.refresh()';
REVOKE ALL ON FUNCTION reco.create_recommender(text, regclass, name, name, name, jsonb, name, name, interval, text, regclass, name, name, name[], name, regclass, name, name[], boolean, text, jsonb, name[]) FROM PUBLIC;

CREATE FUNCTION reco.alter_recommender(
	name text,
	new_name text = NULL,
	owner regrole = NULL,
	interactions regclass = NULL,
	user_column name = NULL,
	item_column name = NULL,
	event_column name = NULL,
	event_weights jsonb = NULL,
	value_column name = NULL,
	time_column name = NULL,
	half_life interval = NULL,
	feedback text = NULL,
	items regclass = NULL,
	item_key name = NULL,
	item_label name = NULL,
	item_features name[] = NULL,
	items_time_column name = NULL,
	users regclass = NULL,
	user_key name = NULL,
	user_features name[] = NULL,
	shared_catalogue boolean = NULL,
	algorithm text = NULL,
	options jsonb = NULL,
	protected name[] = NULL,
	unset name[] = NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'reco_alter_recommender'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.alter_recommender(text, text, regrole, regclass, name, name, name, jsonb, name, name, interval, text, regclass, name, name, name[], name, regclass, name, name[], boolean, text, jsonb, name[], name[])
	IS 'changes what is given of a definition; unset names arguments to go back to their default; also rebinds renamed or replaced relations';

CREATE FUNCTION reco.set_reviews(
	recommender text,
	relation regclass,
	item_column name DEFAULT NULL,
	user_column name DEFAULT NULL,
	aspects name[] DEFAULT NULL,
	min_rating double precision DEFAULT NULL,
	min_people integer DEFAULT 100
) RETURNS void
AS 'MODULE_PATHNAME', 'reco_set_reviews'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.set_reviews(text, regclass, name, name, name[], double precision, integer)
	IS 'names the relation of reviews, whose aspects are columns of ratings; reasons say what at least min_people rated min_rating or more; NULL takes it away; counted at a refresh';

CREATE FUNCTION reco.drop_recommender(name text, if_exists boolean = false) RETURNS void
AS 'MODULE_PATHNAME', 'reco_drop_recommender'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.drop_recommender(text, boolean) IS 'removes a recommender with its versions and evaluations';

CREATE FUNCTION reco.deploy(recommender text, version integer) RETURNS void
AS 'MODULE_PATHNAME', 'reco_deploy'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.deploy(text, integer) IS 'makes a kept version the one that serves';

/* Learning. */

CREATE PROCEDURE reco.refresh(
	recommender text = NULL,
	mode text = 'full',
	gate boolean = false,
	options jsonb = NULL
)
AS 'MODULE_PATHNAME', 'reco_refresh'
LANGUAGE C;
COMMENT ON PROCEDURE reco.refresh(text, text, boolean, jsonb) IS 'learns a new version from the interactions and deploys it';

CREATE FUNCTION reco.check_data(
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rule text,
	relation text,
	found bigint,
	dropped bigint,
	why text,
	query text
)
AS 'MODULE_PATHNAME', 'reco_check_data'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 100000;
COMMENT ON FUNCTION reco.check_data(text, jsonb)
	IS 'for the owner: what may be wrong with the data, a row a rule: rows found, rows that refresh drops, why, and the query that shows them';

/* Measuring. */

CREATE PROCEDURE reco.evaluate(
	recommender text = NULL,
	split text = 'random',
	test regclass = NULL,
	repeats boolean = false,
	options jsonb = NULL
)
AS 'MODULE_PATHNAME', 'reco_evaluate'
LANGUAGE C;
COMMENT ON PROCEDURE reco.evaluate(text, text, regclass, boolean, jsonb)
	IS 'learns on one part of the interactions, measures on the other, beside baselines; read with reco.evaluation_report()';

CREATE PROCEDURE reco.compare(
	recommender text = NULL,
	models jsonb = NULL,
	split text = 'random',
	test regclass = NULL,
	repeats boolean = false,
	options jsonb = NULL
)
AS 'MODULE_PATHNAME', 'reco_compare'
LANGUAGE C;
COMMENT ON PROCEDURE reco.compare(text, jsonb, text, regclass, boolean, jsonb)
	IS 'measures a recommender, other algorithms and settings, and baselines on one split; read with reco.comparison_report()';

CREATE PROCEDURE reco.learning_curve(
	recommender text = NULL,
	split text = 'random',
	test regclass = NULL,
	repeats boolean = false,
	options jsonb = NULL
)
AS 'MODULE_PATHNAME', 'reco_learning_curve'
LANGUAGE C;
COMMENT ON PROCEDURE reco.learning_curve(text, text, regclass, boolean, jsonb)
	IS 'measures a recommender learned from growing shares of the users; read with reco.learning_curve_report()';

CREATE PROCEDURE reco.tune(
	recommender text = NULL,
	budget interval = '10 minutes',
	split text = 'random',
	apply boolean = false,
	options jsonb = NULL
)
AS 'MODULE_PATHNAME', 'reco_tune'
LANGUAGE C;
COMMENT ON PROCEDURE reco.tune(text, interval, text, boolean, jsonb)
	IS 'searches options on a split of the interactions, the present ones first; goes on where it stopped; trials are in reco.trials';

CREATE FUNCTION reco.apply_trial(trial bigint) RETURNS void
AS 'MODULE_PATHNAME', 'reco_apply_trial'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.apply_trial(bigint) IS 'makes the options of a trial those of its recommender; the next refresh learns with them';

/* What the planner is told. */

CREATE FUNCTION reco.list_rows(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'reco_list_rows'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.list_rows(internal) IS 'planner support: a list has k rows';

CREATE FUNCTION reco.many_rows(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'reco_many_rows'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.many_rows(internal) IS 'planner support: k rows a user';

/* Serving.  T is bigint, uuid or text; text is parsed by the key''s input function. */

CREATE FUNCTION reco.recommend(
	user_id bigint,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates bigint[] = NULL,
	exclude bigint[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(bigint, integer, text, text, text[], bigint[], bigint[], boolean, text, jsonb)
	IS 'the k best items for a user as the caller''s snapshot knows them, with reasons';

CREATE FUNCTION reco.recommend(
	user_id uuid,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates uuid[] = NULL,
	exclude uuid[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(uuid, integer, text, text, text[], uuid[], uuid[], boolean, text, jsonb)
	IS 'the k best items for a user as the caller''s snapshot knows them, with reasons';

CREATE FUNCTION reco.recommend(
	user_id text,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates text[] = NULL,
	exclude text[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(text, integer, text, text, text[], text[], text[], boolean, text, jsonb)
	IS 'the k best items for a user as the caller''s snapshot knows them, with reasons';

CREATE FUNCTION reco.recommend(
	user_id bigint,
	item_type uuid,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates uuid[] = NULL,
	exclude uuid[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(bigint, uuid, integer, text, text, text[], uuid[], uuid[], boolean, text, jsonb)
	IS 'recommend() for users and items of different types: pass NULL::uuid as item_type';

CREATE FUNCTION reco.recommend(
	user_id bigint,
	item_type text,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates text[] = NULL,
	exclude text[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(bigint, text, integer, text, text, text[], text[], text[], boolean, text, jsonb)
	IS 'recommend() for users and items of different types: pass NULL::text as item_type';

CREATE FUNCTION reco.recommend(
	user_id uuid,
	item_type bigint,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates bigint[] = NULL,
	exclude bigint[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(uuid, bigint, integer, text, text, text[], bigint[], bigint[], boolean, text, jsonb)
	IS 'recommend() for users and items of different types: pass NULL::bigint as item_type';

CREATE FUNCTION reco.recommend(
	user_id uuid,
	item_type text,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates text[] = NULL,
	exclude text[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(uuid, text, integer, text, text, text[], text[], text[], boolean, text, jsonb)
	IS 'recommend() for users and items of different types: pass NULL::text as item_type';

CREATE FUNCTION reco.recommend(
	user_id text,
	item_type bigint,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates bigint[] = NULL,
	exclude bigint[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(text, bigint, integer, text, text, text[], bigint[], bigint[], boolean, text, jsonb)
	IS 'recommend() for users and items of different types: pass NULL::bigint as item_type';

CREATE FUNCTION reco.recommend(
	user_id text,
	item_type uuid,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates uuid[] = NULL,
	exclude uuid[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_recommend_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.recommend(text, uuid, integer, text, text, text[], uuid[], uuid[], boolean, text, jsonb)
	IS 'recommend() for users and items of different types: pass NULL::uuid as item_type';

CREATE FUNCTION reco.score(user_id bigint, item_id bigint, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(bigint, bigint, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id bigint, item_id uuid, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(bigint, uuid, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id bigint, item_id text, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(bigint, text, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id uuid, item_id bigint, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(uuid, bigint, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id uuid, item_id uuid, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(uuid, uuid, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id uuid, item_id text, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(uuid, text, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id text, item_id bigint, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(text, bigint, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id text, item_id uuid, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(text, uuid, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.score(user_id text, item_id text, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_score'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.score(text, text, text) IS 'the model''s score of one item for one user; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id bigint, item_id bigint, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(bigint, bigint, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id bigint, item_id uuid, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(bigint, uuid, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id bigint, item_id text, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(bigint, text, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id uuid, item_id bigint, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(uuid, bigint, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id uuid, item_id uuid, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(uuid, uuid, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id uuid, item_id text, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(uuid, text, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id text, item_id bigint, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(text, bigint, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id text, item_id uuid, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(text, uuid, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.probability(user_id text, item_id text, recommender text = NULL) RETURNS double precision
AS 'MODULE_PATHNAME', 'reco_probability'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.probability(text, text, text) IS 'what the score of one item for one user means as a probability, where the version was learned with the option calibrate; NULL for an item the model does not know';

CREATE FUNCTION reco.explain(
	user_id bigint,
	item_id bigint,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id bigint,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(bigint, bigint, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id bigint,
	item_id uuid,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id uuid,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(bigint, uuid, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id bigint,
	item_id text,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id text,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(bigint, text, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id uuid,
	item_id bigint,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id bigint,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(uuid, bigint, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id uuid,
	item_id uuid,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id uuid,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(uuid, uuid, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id uuid,
	item_id text,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id text,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(uuid, text, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id text,
	item_id bigint,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id bigint,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(text, bigint, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id text,
	item_id uuid,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id uuid,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(text, uuid, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.explain(
	user_id text,
	item_id text,
	recommender text = NULL,
	view text = 'history',
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	kind text,
	evidence_id text,
	evidence_label text,
	contribution double precision,
	removal_effect double precision,
	share double precision,
	exactness text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_explain'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.explain(text, text, text, text, text, jsonb)
	IS 'the score of one item for one user as rows that add up to it';

CREATE FUNCTION reco.similar_items(
	item_id bigint,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates bigint[] = NULL,
	exclude bigint[] = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_similar_items'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.similar_items(bigint, integer, text, text, text[], bigint[], bigint[], text, jsonb)
	IS 'the k items whose factors point most nearly the same way (cosine)';

CREATE FUNCTION reco.similar_items(
	item_id uuid,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates uuid[] = NULL,
	exclude uuid[] = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_similar_items'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.similar_items(uuid, integer, text, text, text[], uuid[], uuid[], text, jsonb)
	IS 'the k items whose factors point most nearly the same way (cosine)';

CREATE FUNCTION reco.similar_items(
	item_id text,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates text[] = NULL,
	exclude text[] = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_similar_items'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.similar_items(text, integer, text, text, text[], text[], text[], text, jsonb)
	IS 'the k items whose factors point most nearly the same way (cosine)';

CREATE FUNCTION reco.popular_items(
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_popular_items'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.popular_items(integer, text, text, text[], text, jsonb)
	IS 'the k items that most users have chosen, as of the last refresh, ids as text';

CREATE FUNCTION reco.popular_items(
	item_type bigint,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_popular_items_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.popular_items(bigint, integer, text, text, text[], text, jsonb)
	IS 'popular_items() with ids of a type: pass NULL::bigint as item_type';

CREATE FUNCTION reco.popular_items(
	item_type uuid,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_popular_items_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.popular_items(uuid, integer, text, text, text[], text, jsonb)
	IS 'popular_items() with ids of a type: pass NULL::uuid as item_type';

CREATE FUNCTION reco.popular_items(
	item_type text,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_popular_items_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.popular_items(text, integer, text, text, text[], text, jsonb)
	IS 'popular_items() with ids of a type: pass NULL::text as item_type';

/* Attributes as numbers. */

CREATE FUNCTION reco.features(
	recommender text = NULL,
	side text = 'item'
) RETURNS TABLE (
	number integer,
	attribute text,
	kind text,
	role text,
	level text
)
AS 'MODULE_PATHNAME', 'reco_sql_features'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED;
COMMENT ON FUNCTION reco.features(text, text)
	IS 'for the owner: what the numbers stand for that attributes of items (or side => ''user'') were encoded as when the deployed version was learned';

CREATE FUNCTION reco.encode(
	recommender text,
	side text,
	id bigint
) RETURNS TABLE (
	attribute text,
	kind text,
	role text,
	level text,
	value real
)
AS 'MODULE_PATHNAME', 'reco_sql_encode'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.encode(text, text, bigint)
	IS 'the attributes of one item or user as the model sees them, read now as the caller; numbers that are 0 are left out';

CREATE FUNCTION reco.encode(
	recommender text,
	side text,
	id uuid
) RETURNS TABLE (
	attribute text,
	kind text,
	role text,
	level text,
	value real
)
AS 'MODULE_PATHNAME', 'reco_sql_encode'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.encode(text, text, uuid)
	IS 'the attributes of one item or user as the model sees them, read now as the caller; numbers that are 0 are left out';

CREATE FUNCTION reco.encode(
	recommender text,
	side text,
	id text
) RETURNS TABLE (
	attribute text,
	kind text,
	role text,
	level text,
	value real
)
AS 'MODULE_PATHNAME', 'reco_sql_encode'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 20 COST 1000;
COMMENT ON FUNCTION reco.encode(text, text, text)
	IS 'the attributes of one item or user as the model sees them, read now as the caller; numbers that are 0 are left out';

CREATE FUNCTION reco.item_embedding(item_id bigint, recommender text = NULL) RETURNS real[]
AS 'MODULE_PATHNAME', 'reco_item_embedding'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.item_embedding(bigint, text) IS 'the learned factors of an item; NULL for an item the model does not know';

CREATE FUNCTION reco.user_embedding(user_id bigint, recommender text = NULL) RETURNS double precision[]
AS 'MODULE_PATHNAME', 'reco_user_embedding'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.user_embedding(bigint, text) IS 'the factors of a user, solved now from the rows the caller sees';

CREATE FUNCTION reco.item_embedding(item_id uuid, recommender text = NULL) RETURNS real[]
AS 'MODULE_PATHNAME', 'reco_item_embedding'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.item_embedding(uuid, text) IS 'the learned factors of an item; NULL for an item the model does not know';

CREATE FUNCTION reco.user_embedding(user_id uuid, recommender text = NULL) RETURNS double precision[]
AS 'MODULE_PATHNAME', 'reco_user_embedding'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.user_embedding(uuid, text) IS 'the factors of a user, solved now from the rows the caller sees';

CREATE FUNCTION reco.item_embedding(item_id text, recommender text = NULL) RETURNS real[]
AS 'MODULE_PATHNAME', 'reco_item_embedding'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.item_embedding(text, text) IS 'the learned factors of an item; NULL for an item the model does not know';

CREATE FUNCTION reco.user_embedding(user_id text, recommender text = NULL) RETURNS double precision[]
AS 'MODULE_PATHNAME', 'reco_user_embedding'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.user_embedding(text, text) IS 'the factors of a user, solved now from the rows the caller sees';

/* The mapped cache, built ahead and read again. */

CREATE FUNCTION reco.warm(recommender text = NULL) RETURNS TABLE (
	version integer,
	items bigint,
	bytes bigint,
	storage text
)
AS 'MODULE_PATHNAME', 'reco_warm'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 100000;
COMMENT ON FUNCTION reco.warm(text)
	IS 'builds the file that serves the deployed version, if it is not there, and has it read into memory';

CREATE FUNCTION reco.verify(recommender text = NULL) RETURNS TABLE (
	version integer,
	tensor text,
	chunk integer,
	problem text
)
AS 'MODULE_PATHNAME', 'reco_verify'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 100000;
COMMENT ON FUNCTION reco.verify(text)
	IS 'reads all kept versions and their mapped files against their digests, and what is derived from factors against them: a row for each problem, for the owner of the recommender';

/* Reasons, checked and turned around. */

CREATE FUNCTION reco.reason_report(
	recommender text = NULL,
	users integer = 100,
	options jsonb = NULL
) RETURNS TABLE (
	kind text,
	event text,
	lines bigint,
	line_share double precision,
	users_with bigint,
	user_share double precision,
	removal_effect double precision,
	contribution double precision
)
AS 'MODULE_PATHNAME', 'reco_reason_report'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 100000;
COMMENT ON FUNCTION reco.reason_report(text, integer, jsonb)
	IS 'what the reasons of the lists of sampled users say: by kind how often, for how many users, how strongly';

CREATE FUNCTION reco.explanation_quality(
	recommender text = NULL,
	users integer = 100,
	options jsonb = NULL
) RETURNS TABLE (
	metric text,
	value double precision,
	n bigint,
	meaning text
)
AS 'MODULE_PATHNAME', 'reco_explanation_quality'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 14 COST 100000;
COMMENT ON FUNCTION reco.explanation_quality(text, integer, jsonb)
	IS 'how true, necessary, sufficient and stable the explanations of sampled users are, beside random ones';

CREATE FUNCTION reco.explain_svg(
	user_id bigint,
	item_id bigint,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(bigint, bigint, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id bigint,
	item_id uuid,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(bigint, uuid, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id bigint,
	item_id text,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(bigint, text, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id uuid,
	item_id bigint,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(uuid, bigint, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id uuid,
	item_id uuid,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(uuid, uuid, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id uuid,
	item_id text,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(uuid, text, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id text,
	item_id bigint,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(text, bigint, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id text,
	item_id uuid,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(text, uuid, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';

CREATE FUNCTION reco.explain_svg(
	user_id text,
	item_id text,
	recommender text = NULL,
	lang text = NULL,
	options jsonb = NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'reco_explain_svg_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.explain_svg(text, text, text, text, jsonb)
	IS 'the explanation of a score as a picture (SVG): a waterfall of the contributions from zero to the score';


CREATE FUNCTION reco.what_if(
	user_id bigint,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates bigint[] = NULL,
	exclude bigint[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(bigint, jsonb, integer, text, text, text[], bigint[], bigint[], boolean, text, jsonb)
	IS 'the list of recommend() as it would be with events added to or removed from the user''s own';

CREATE FUNCTION reco.what_if(
	user_id bigint,
	item_type uuid,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates uuid[] = NULL,
	exclude uuid[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(bigint, uuid, jsonb, integer, text, text, text[], uuid[], uuid[], boolean, text, jsonb)
	IS 'what_if() for users and items of different types: pass NULL::uuid as item_type';

CREATE FUNCTION reco.what_if(
	user_id bigint,
	item_type text,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates text[] = NULL,
	exclude text[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(bigint, text, jsonb, integer, text, text, text[], text[], text[], boolean, text, jsonb)
	IS 'what_if() for users and items of different types: pass NULL::text as item_type';

CREATE FUNCTION reco.what_if(
	user_id uuid,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates uuid[] = NULL,
	exclude uuid[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(uuid, jsonb, integer, text, text, text[], uuid[], uuid[], boolean, text, jsonb)
	IS 'the list of recommend() as it would be with events added to or removed from the user''s own';

CREATE FUNCTION reco.what_if(
	user_id uuid,
	item_type bigint,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates bigint[] = NULL,
	exclude bigint[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(uuid, bigint, jsonb, integer, text, text, text[], bigint[], bigint[], boolean, text, jsonb)
	IS 'what_if() for users and items of different types: pass NULL::bigint as item_type';

CREATE FUNCTION reco.what_if(
	user_id uuid,
	item_type text,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates text[] = NULL,
	exclude text[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(uuid, text, jsonb, integer, text, text, text[], text[], text[], boolean, text, jsonb)
	IS 'what_if() for users and items of different types: pass NULL::text as item_type';

CREATE FUNCTION reco.what_if(
	user_id text,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates text[] = NULL,
	exclude text[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id text,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(text, jsonb, integer, text, text, text[], text[], text[], boolean, text, jsonb)
	IS 'the list of recommend() as it would be with events added to or removed from the user''s own';

CREATE FUNCTION reco.what_if(
	user_id text,
	item_type bigint,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates bigint[] = NULL,
	exclude bigint[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id bigint,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(text, bigint, jsonb, integer, text, text, text[], bigint[], bigint[], boolean, text, jsonb)
	IS 'what_if() for users and items of different types: pass NULL::bigint as item_type';

CREATE FUNCTION reco.what_if(
	user_id text,
	item_type uuid,
	changes jsonb,
	k integer = 10,
	recommender text = NULL,
	filter text = NULL,
	filter_args text[] = NULL,
	candidates uuid[] = NULL,
	exclude uuid[] = NULL,
	exclude_seen boolean = true,
	lang text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	rank integer,
	item_id uuid,
	score double precision,
	source text,
	reason text,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_what_if_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10 COST 1000 SUPPORT reco.list_rows;
COMMENT ON FUNCTION reco.what_if(text, uuid, jsonb, integer, text, text, text[], uuid[], uuid[], boolean, text, jsonb)
	IS 'what_if() for users and items of different types: pass NULL::uuid as item_type';


CREATE FUNCTION reco.explain_check(
	user_id bigint,
	item_id bigint,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id bigint,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(bigint, bigint, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id bigint,
	item_id uuid,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id uuid,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(bigint, uuid, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id bigint,
	item_id text,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id text,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(bigint, text, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id uuid,
	item_id bigint,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id bigint,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(uuid, bigint, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id uuid,
	item_id uuid,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id uuid,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(uuid, uuid, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id uuid,
	item_id text,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id text,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(uuid, text, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id text,
	item_id bigint,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id bigint,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(text, bigint, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id text,
	item_id uuid,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id uuid,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(text, uuid, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.explain_check(
	user_id text,
	item_id text,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	score double precision,
	pieces integer,
	sum_residual double precision,
	removal_residual double precision,
	worst_id text,
	worst_label text,
	worst_stated double precision,
	worst_found double precision,
	exactness text
)
AS 'MODULE_PATHNAME', 'reco_explain_check_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.explain_check(text, text, text, jsonb)
	IS 'proves explain(): solves the user again without each piece of evidence, and raises an error where what is stated is not so';

CREATE FUNCTION reco.counterfactual(
	user_id bigint,
	item_id bigint,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id bigint,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(bigint, bigint, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id bigint,
	item_id uuid,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id uuid,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(bigint, uuid, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id bigint,
	item_id text,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id text,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(bigint, text, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id uuid,
	item_id bigint,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id bigint,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(uuid, bigint, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id uuid,
	item_id uuid,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id uuid,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(uuid, uuid, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id uuid,
	item_id text,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id text,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(uuid, text, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id text,
	item_id bigint,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id bigint,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(text, bigint, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id text,
	item_id uuid,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id uuid,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(text, uuid, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';

CREATE FUNCTION reco.counterfactual(
	user_id text,
	item_id text,
	k integer = 10,
	recommender text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	ord integer,
	found boolean,
	outcome text,
	evidence_id text,
	evidence_label text,
	kind text,
	removal_effect double precision,
	score_before double precision,
	score_after double precision,
	rank_before bigint,
	rank_after bigint,
	details jsonb
)
AS 'MODULE_PATHNAME', 'reco_counterfactual_pair'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 3 COST 1000;
COMMENT ON FUNCTION reco.counterfactual(text, text, integer, text, jsonb)
	IS 'the smallest set found of the user''s own rows without which the item is not in the top k; one row that says why where there is none';


/* The words of reasons.  Editing takes the rights of the owner of the extension on the table. */

CREATE FUNCTION reco.builtin_reason_templates(
	OUT kind text,
	OUT lang text,
	OUT variant integer,
	OUT pattern text,
	OUT min_evidence integer
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_builtin_reason_templates'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION reco.builtin_reason_templates() IS 'the wordings that reco brings, as far as the encoding of the database can write them';

CREATE FUNCTION reco.check_reason_template() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_check_reason_template'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.check_reason_template() IS 'refuses templates with slots that their kind does not know, and changes of built-in ones; tells all sessions of a change';

CREATE TRIGGER check_template BEFORE INSERT OR UPDATE OR DELETE ON reco.reason_template
	FOR EACH ROW EXECUTE FUNCTION reco.check_reason_template();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON reco.reason_template
	FOR EACH STATEMENT EXECUTE FUNCTION reco.check_reason_template();
-- a row at a time, and always: what a subscription applies fires no other triggers
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE ON reco.reason_template
	FOR EACH ROW EXECUTE FUNCTION reco.check_reason_template();
ALTER TABLE reco.reason_template ENABLE ALWAYS TRIGGER tell_change;

INSERT INTO reco.reason_template (kind, lang, variant, pattern, min_evidence, weight, builtin)
	SELECT b.kind, b.lang, b.variant, b.pattern, b.min_evidence, 1, true FROM reco.builtin_reason_templates() b;

CREATE VIEW reco.reason_templates AS
	SELECT DISTINCT ON (t.kind, t.lang, t.variant) t.kind, t.lang, t.variant, t.pattern, t.min_evidence, t.weight, NOT t.builtin AS edited
	FROM reco.reason_template t
	ORDER BY t.kind, t.lang, t.variant, t.builtin;
COMMENT ON VIEW reco.reason_templates IS 'the wordings in force; those of weight 0 are never chosen';
COMMENT ON COLUMN reco.reason_templates.kind IS 'what the wording is for';
COMMENT ON COLUMN reco.reason_templates.lang IS 'its language';
COMMENT ON COLUMN reco.reason_templates.variant IS 'its number among the wordings of a kind and language';
COMMENT ON COLUMN reco.reason_templates.pattern IS 'the text with slots in braces';
COMMENT ON COLUMN reco.reason_templates.min_evidence IS 'how many items or people must stand behind it';
COMMENT ON COLUMN reco.reason_templates.weight IS 'how often it is chosen beside the other wordings of its kind; 0: never';
COMMENT ON COLUMN reco.reason_templates.edited IS 'whether it replaces or adds to the built-in wordings';
GRANT SELECT ON reco.reason_templates TO PUBLIC;

CREATE FUNCTION reco.set_reason_template(
	kind text,
	lang text,
	pattern text,
	variant integer = 1,
	min_evidence integer = NULL,
	weight double precision = 1
) RETURNS void
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $set$
	INSERT INTO reco.reason_template AS t (kind, lang, variant, pattern, min_evidence, weight, builtin)
	VALUES ($1, lower($2), $4, $3,
		coalesce($5, (SELECT b.min_evidence FROM reco.reason_templates b WHERE b.kind = $1 AND b.lang = lower($2) AND b.variant = $4), 1),
		coalesce($6, 1), false)
	ON CONFLICT ON CONSTRAINT reason_template_pkey
	DO UPDATE SET pattern = excluded.pattern, min_evidence = excluded.min_evidence, weight = excluded.weight
$set$;
COMMENT ON FUNCTION reco.set_reason_template(text, text, text, integer, integer, double precision)
	IS 'words a kind of reason in a language: replaces a variant or adds one; weight 0 turns it off';
REVOKE ALL ON FUNCTION reco.set_reason_template(text, text, text, integer, integer, double precision) FROM PUBLIC;

CREATE FUNCTION reco.reset_reason_template(
	kind text = NULL,
	lang text = NULL,
	variant integer = NULL
) RETURNS bigint
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $reset$
	WITH gone AS (
		DELETE FROM reco.reason_template t
		WHERE NOT t.builtin AND ($1 IS NULL OR t.kind = $1) AND ($2 IS NULL OR t.lang = lower($2)) AND ($3 IS NULL OR t.variant = $3)
		RETURNING 1)
	SELECT count(*) FROM gone
$reset$;
COMMENT ON FUNCTION reco.reset_reason_template(text, text, integer)
	IS 'takes edits of wordings back, all that fit what is given, and says how many there were';
REVOKE ALL ON FUNCTION reco.reset_reason_template(text, text, integer) FROM PUBLIC;
/* Many users at once.  users, being what decides the type, comes before k where the type is not text. */

CREATE FUNCTION reco.recommend_all(
	recommender text,
	k integer = 10,
	users text[] = NULL,
	users_query text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	user_id text,
	rank integer,
	item_id text,
	score double precision,
	source text
)
AS 'MODULE_PATHNAME', 'reco_recommend_all'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10000 COST 100000 SUPPORT reco.many_rows;
COMMENT ON FUNCTION reco.recommend_all(text, integer, text[], text, jsonb)
	IS 'the lists of many users, ids as text; in the order of users and ranks';

CREATE FUNCTION reco.recommend_all(
	recommender text,
	users bigint[],
	k integer = 10,
	users_query text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	user_id bigint,
	rank integer,
	item_id bigint,
	score double precision,
	source text
)
AS 'MODULE_PATHNAME', 'reco_recommend_all_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10000 COST 100000 SUPPORT reco.many_rows;
COMMENT ON FUNCTION reco.recommend_all(text, bigint[], integer, text, jsonb)
	IS 'recommend_all() with ids of a type: pass users as bigint[], NULL for all';

CREATE FUNCTION reco.recommend_all(
	recommender text,
	users uuid[],
	k integer = 10,
	users_query text = NULL,
	options jsonb = NULL
) RETURNS TABLE (
	user_id uuid,
	rank integer,
	item_id uuid,
	score double precision,
	source text
)
AS 'MODULE_PATHNAME', 'reco_recommend_all_typed'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10000 COST 100000 SUPPORT reco.many_rows;
COMMENT ON FUNCTION reco.recommend_all(text, uuid[], integer, text, jsonb)
	IS 'recommend_all() with ids of a type: pass users as uuid[], NULL for all';

CREATE PROCEDURE reco.recommend_into(
	recommender text,
	target regclass,
	k integer = 10,
	users_query text = NULL,
	options jsonb = NULL
)
AS 'MODULE_PATHNAME', 'reco_recommend_into'
LANGUAGE C;
COMMENT ON PROCEDURE reco.recommend_into(text, regclass, integer, text, jsonb)
	IS 'writes the lists of many users into a table, commits now and then, and goes on where an earlier call was interrupted';

/* Outside writers: the facts of a reason for whoever words it, and whether a text kept to them.  Nothing here leaves the server. */

CREATE FUNCTION reco.reason_prompt(user_id bigint, item_id bigint, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(bigint, bigint, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id bigint, item_id uuid, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(bigint, uuid, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id bigint, item_id text, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(bigint, text, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id uuid, item_id bigint, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(uuid, bigint, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id uuid, item_id uuid, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(uuid, uuid, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id uuid, item_id text, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(uuid, text, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id text, item_id bigint, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(text, bigint, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id text, item_id uuid, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(text, uuid, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_prompt(user_id text, item_id text, recommender text = NULL, lang text = NULL,
	options jsonb = NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_reason_prompt'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.reason_prompt(text, text, text, text, jsonb)
	IS 'the facts that a text about a recommendation may use, for any writer; check what it writes with reco.reason_accept()';

CREATE FUNCTION reco.reason_accept(
	text text,
	facts jsonb,
	OUT accepted boolean,
	OUT problems text[],
	OUT fallback text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_reason_accept'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 1 COST 10000;
COMMENT ON FUNCTION reco.reason_accept(text, jsonb)
	IS 'whether a text keeps to the facts of reco.reason_prompt(), else why not, and the text to show instead';

/* Views.  Each shows the recommenders that the caller owns or may be served by. */

CREATE FUNCTION reco.may_use(recommender uuid) RETURNS boolean
AS 'MODULE_PATHNAME', 'reco_may_use'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION reco.may_use(uuid) IS 'whether the caller owns a recommender or may be served by it';

CREATE VIEW reco.recommenders WITH (security_barrier) AS
	SELECT r.name, nullif(r.owner::oid, 0)::regrole AS owner, r.algorithm, r.feedback,
		nullif(r.interactions::oid, 0)::regclass AS interactions, r.user_column, r.item_column,
		r.event_column, r.event_weights, r.value_column, r.time_column, r.half_life,
		nullif(r.items::oid, 0)::regclass AS items, r.item_key, r.item_label, r.item_features, r.items_time_column,
		nullif(r.users::oid, 0)::regclass AS users, r.user_key, r.user_features, r.protected, r.shared_catalogue, r.options,
		r.deployed, v.created_at AS refreshed_at, r.created_at,
		nullif(r.reviews::oid, 0)::regclass AS reviews, r.reviews_item_column, r.reviews_user_column, r.review_aspects, r.review_min, r.review_people
	FROM reco.recommender r LEFT JOIN reco.version v ON v.recommender = r.key AND v.number = r.deployed
	WHERE reco.may_use(r.key);
COMMENT ON VIEW reco.recommenders IS 'the recommenders that the caller owns or may be served by; a relation or an owner that a restore did not find is NULL';
COMMENT ON COLUMN reco.recommenders.name IS 'the name of the recommender';
COMMENT ON COLUMN reco.recommenders.owner IS 'the role that owns it';
COMMENT ON COLUMN reco.recommenders.algorithm IS 'the algorithm that it learns with';
COMMENT ON COLUMN reco.recommenders.feedback IS 'implicit or explicit';
COMMENT ON COLUMN reco.recommenders.interactions IS 'the relation of interactions';
COMMENT ON COLUMN reco.recommenders.user_column IS 'its column of user ids';
COMMENT ON COLUMN reco.recommenders.item_column IS 'its column of item ids';
COMMENT ON COLUMN reco.recommenders.event_column IS 'its column of kinds of events';
COMMENT ON COLUMN reco.recommenders.event_weights IS 'the weight of each kind of event';
COMMENT ON COLUMN reco.recommenders.value_column IS 'its column of amounts or ratings';
COMMENT ON COLUMN reco.recommenders.time_column IS 'its column of times';
COMMENT ON COLUMN reco.recommenders.half_life IS 'after which time an event counts for half';
COMMENT ON COLUMN reco.recommenders.items IS 'the relation of items';
COMMENT ON COLUMN reco.recommenders.item_key IS 'its column of ids';
COMMENT ON COLUMN reco.recommenders.item_label IS 'its column of names';
COMMENT ON COLUMN reco.recommenders.item_features IS 'its columns that are learned from';
COMMENT ON COLUMN reco.recommenders.items_time_column IS 'its column of the times at which items came';
COMMENT ON COLUMN reco.recommenders.users IS 'the relation of users';
COMMENT ON COLUMN reco.recommenders.user_key IS 'its column of ids';
COMMENT ON COLUMN reco.recommenders.user_features IS 'its columns that are learned from';
COMMENT ON COLUMN reco.recommenders.protected IS 'names of features that reasons never speak of';
COMMENT ON COLUMN reco.recommenders.shared_catalogue IS 'whether everybody may see all items';
COMMENT ON COLUMN reco.recommenders.options IS 'options of the algorithm, as given';
COMMENT ON COLUMN reco.recommenders.deployed IS 'the number of the version that serves';
COMMENT ON COLUMN reco.recommenders.refreshed_at IS 'when that version was stored';
COMMENT ON COLUMN reco.recommenders.created_at IS 'when the recommender was created';
COMMENT ON COLUMN reco.recommenders.reviews IS 'the relation of reviews';
COMMENT ON COLUMN reco.recommenders.reviews_item_column IS 'its column of item ids';
COMMENT ON COLUMN reco.recommenders.reviews_user_column IS 'its column of user ids';
COMMENT ON COLUMN reco.recommenders.review_aspects IS 'its columns of ratings by aspect';
COMMENT ON COLUMN reco.recommenders.review_min IS 'the least rating that is called high';
COMMENT ON COLUMN reco.recommenders.review_people IS 'how many people it takes to speak of';
GRANT SELECT ON reco.recommenders TO PUBLIC;

CREATE VIEW reco.models WITH (security_barrier) AS
	SELECT r.name AS recommender, v.number AS version, v.number = r.deployed AS deployed, v.algorithm,
		v.created_at, v.as_of, v.n_users, v.n_items, v.n_interactions, v.options, v.metrics, v.metrics #>> '{gate,verdict}' AS gate, v.format,
		(SELECT sum(length(c.data)) FROM reco.version_chunk vc JOIN reco.chunk c USING (recommender, digest)
		 WHERE vc.recommender = v.recommender AND vc.number = v.number) AS bytes
	FROM reco.version v JOIN reco.recommender r ON r.key = v.recommender
	WHERE reco.may_use(r.key);
COMMENT ON VIEW reco.models IS 'the kept versions of each recommender';
COMMENT ON COLUMN reco.models.recommender IS 'the name of the recommender';
COMMENT ON COLUMN reco.models.version IS 'the number of the version';
COMMENT ON COLUMN reco.models.deployed IS 'whether it serves';
COMMENT ON COLUMN reco.models.algorithm IS 'what it was learned with';
COMMENT ON COLUMN reco.models.created_at IS 'when it was stored';
COMMENT ON COLUMN reco.models.as_of IS 'the time of the latest event, at which decay stands still';
COMMENT ON COLUMN reco.models.n_users IS 'users learned from';
COMMENT ON COLUMN reco.models.n_items IS 'items it knows';
COMMENT ON COLUMN reco.models.n_interactions IS 'rows learned from, those of a user on an item folded into one';
COMMENT ON COLUMN reco.models.options IS 'every option as resolved';
COMMENT ON COLUMN reco.models.metrics IS 'what learning measured';
COMMENT ON COLUMN reco.models.gate IS 'what the gate of the refresh decided';
COMMENT ON COLUMN reco.models.format IS 'the number of the format of its tensors';
COMMENT ON COLUMN reco.models.bytes IS 'the size of its chunks';
GRANT SELECT ON reco.models TO PUBLIC;

CREATE FUNCTION reco.progress_rows(
	OUT recommender uuid,
	OUT pid integer,
	OUT command text,
	OUT phase text,
	OUT done bigint,
	OUT total bigint,
	OUT loss double precision,
	OUT started_at timestamptz,
	OUT seconds_left double precision
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_progress_rows'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION reco.progress_rows() IS 'the rows behind the view reco.progress, of recommenders that the caller may use';

CREATE VIEW reco.progress WITH (security_barrier) AS
	SELECT r.name AS recommender, p.pid, p.command, p.phase, p.done, p.total, p.loss, p.started_at, p.seconds_left
	FROM reco.progress_rows() p JOIN reco.recommender r ON r.key = p.recommender
	WHERE reco.may_use(r.key);
COMMENT ON VIEW reco.progress IS 'what is being learned or evaluated at this moment, seen from any session';
COMMENT ON COLUMN reco.progress.recommender IS 'the name of the recommender';
COMMENT ON COLUMN reco.progress.pid IS 'the process that works';
COMMENT ON COLUMN reco.progress.command IS 'the command';
COMMENT ON COLUMN reco.progress.phase IS 'what it does at present';
COMMENT ON COLUMN reco.progress.done IS 'steps done in this phase';
COMMENT ON COLUMN reco.progress.total IS 'steps of this phase';
COMMENT ON COLUMN reco.progress.loss IS 'the loss after the latest sweep';
COMMENT ON COLUMN reco.progress.started_at IS 'when the command began';
COMMENT ON COLUMN reco.progress.seconds_left IS 'an estimate of the seconds that this phase still takes';
GRANT SELECT ON reco.progress TO PUBLIC;

CREATE VIEW reco.evaluations WITH (security_barrier) AS
	SELECT e.id AS evaluation, r.name AS recommender, e.created_at, e.command, e.split, m.model, m.user_group,
		m.item_group, m.metric, m.k, m.value, m.low, m.high, m.users, e.counts, e.options, d.place, d.algorithm,
		d.options AS model_options, d.share, d.n_interactions, d.seconds
	FROM reco.evaluation e
	JOIN reco.recommender r ON r.key = e.recommender
	JOIN reco.evaluation_metric m ON m.evaluation = e.id
	JOIN reco.evaluation_model d ON d.evaluation = e.id AND d.model = m.model
	WHERE reco.may_use(r.key);
COMMENT ON VIEW reco.evaluations IS 'every measured value, with its 95 % bootstrap interval';
COMMENT ON COLUMN reco.evaluations.evaluation IS 'the number of the evaluation';
COMMENT ON COLUMN reco.evaluations.recommender IS 'the name of the recommender';
COMMENT ON COLUMN reco.evaluations.created_at IS 'when it ended';
COMMENT ON COLUMN reco.evaluations.command IS 'evaluate, compare or learning_curve';
COMMENT ON COLUMN reco.evaluations.split IS 'how the interactions were split';
COMMENT ON COLUMN reco.evaluations.model IS 'the name of what was measured';
COMMENT ON COLUMN reco.evaluations.user_group IS 'the users whose lists were measured';
COMMENT ON COLUMN reco.evaluations.item_group IS 'the items that count as hits';
COMMENT ON COLUMN reco.evaluations.metric IS 'the measure';
COMMENT ON COLUMN reco.evaluations.k IS 'the length of the lists; 0: the measure knows none';
COMMENT ON COLUMN reco.evaluations.value IS 'the mean';
COMMENT ON COLUMN reco.evaluations.low IS 'the lower end of its 95 % interval';
COMMENT ON COLUMN reco.evaluations.high IS 'the upper end';
COMMENT ON COLUMN reco.evaluations.users IS 'users measured';
COMMENT ON COLUMN reco.evaluations.counts IS 'what was split and what was left out';
COMMENT ON COLUMN reco.evaluations.options IS 'options of the command';
COMMENT ON COLUMN reco.evaluations.place IS 'the order in which models were measured';
COMMENT ON COLUMN reco.evaluations.algorithm IS 'of the model; NULL for baselines';
COMMENT ON COLUMN reco.evaluations.model_options IS 'its options as resolved';
COMMENT ON COLUMN reco.evaluations.share IS 'the percentage of the training users that it learned from';
COMMENT ON COLUMN reco.evaluations.n_interactions IS 'rows that it learned from';
COMMENT ON COLUMN reco.evaluations.seconds IS 'how long it learned';
GRANT SELECT ON reco.evaluations TO PUBLIC;

CREATE VIEW reco.evaluation_runs WITH (security_barrier) AS
	SELECT e.id AS evaluation, r.name AS recommender, e.created_at, e.command, e.split, e.counts, e.options
	FROM reco.evaluation e JOIN reco.recommender r ON r.key = e.recommender
	WHERE reco.may_use(r.key);
COMMENT ON VIEW reco.evaluation_runs IS 'one row a reco.evaluate(), reco.compare() or reco.learning_curve(): what was split, how, and what was left out';
COMMENT ON COLUMN reco.evaluation_runs.evaluation IS 'the number of the evaluation';
COMMENT ON COLUMN reco.evaluation_runs.recommender IS 'the name of the recommender';
COMMENT ON COLUMN reco.evaluation_runs.created_at IS 'when it ended';
COMMENT ON COLUMN reco.evaluation_runs.command IS 'evaluate, compare or learning_curve';
COMMENT ON COLUMN reco.evaluation_runs.split IS 'how the interactions were split';
COMMENT ON COLUMN reco.evaluation_runs.counts IS 'what was split and what was left out';
COMMENT ON COLUMN reco.evaluation_runs.options IS 'options of the command';
GRANT SELECT ON reco.evaluation_runs TO PUBLIC;

CREATE VIEW reco.trials WITH (security_barrier) AS
	SELECT t.id AS trial, r.name AS recommender, t.created_at, t.digest AS search, t.place + 1 AS setting, t.share, t.algorithm,
		t.options, t.resolved, t.metric, t.k, t.value, t.low, t.high, t.gain, t.gain_low, t.gain_high, t.seconds
	FROM reco.trial t JOIN reco.recommender r ON r.key = t.recommender
	WHERE reco.may_use(r.key);
COMMENT ON VIEW reco.trials IS 'settings that reco.tune() has tried: setting 1 is the present one, share the percentage of training users learned from, gain the difference to the present one with its paired interval';
COMMENT ON COLUMN reco.trials.trial IS 'the number of the trial';
COMMENT ON COLUMN reco.trials.recommender IS 'the name of the recommender';
COMMENT ON COLUMN reco.trials.created_at IS 'when it ended';
COMMENT ON COLUMN reco.trials.search IS 'a digest of what was searched, so that a search goes on where it stopped';
COMMENT ON COLUMN reco.trials.setting IS 'the number of the setting; 1 is the present one';
COMMENT ON COLUMN reco.trials.share IS 'the percentage of training users learned from';
COMMENT ON COLUMN reco.trials.algorithm IS 'of the setting';
COMMENT ON COLUMN reco.trials.options IS 'the options that were set';
COMMENT ON COLUMN reco.trials.resolved IS 'every option as resolved';
COMMENT ON COLUMN reco.trials.metric IS 'the measure that decides';
COMMENT ON COLUMN reco.trials.k IS 'the length of the lists';
COMMENT ON COLUMN reco.trials.value IS 'its mean';
COMMENT ON COLUMN reco.trials.low IS 'the lower end of its 95 % interval';
COMMENT ON COLUMN reco.trials.high IS 'the upper end';
COMMENT ON COLUMN reco.trials.gain IS 'the difference to the present setting';
COMMENT ON COLUMN reco.trials.gain_low IS 'the lower end of its paired interval';
COMMENT ON COLUMN reco.trials.gain_high IS 'the upper end';
COMMENT ON COLUMN reco.trials.seconds IS 'how long it learned';
GRANT SELECT ON reco.trials TO PUBLIC;

CREATE VIEW reco.evaluation_differences WITH (security_barrier) AS
	SELECT e.id AS evaluation, r.name AS recommender, e.created_at, e.command, p.model, p.versus, d.metric, d.k,
		CASE WHEN p.sign > 0 THEN d.value ELSE 0 - d.value END AS value, CASE WHEN p.sign > 0 THEN d.low ELSE 0 - d.high END AS low,
		CASE WHEN p.sign > 0 THEN d.high ELSE 0 - d.low END AS high, d.low > 0 OR d.high < 0 AS significant
	FROM reco.evaluation e
	JOIN reco.recommender r ON r.key = e.recommender
	JOIN reco.evaluation_difference d ON d.evaluation = e.id,
	LATERAL (VALUES (d.model, d.versus, 1), (d.versus, d.model, -1)) p(model, versus, sign)
	WHERE reco.may_use(r.key);
COMMENT ON VIEW reco.evaluation_differences IS 'the value of a model minus that of another of the same evaluation, with its 95 % paired bootstrap interval; significant: the interval does not hold 0';
COMMENT ON COLUMN reco.evaluation_differences.evaluation IS 'the number of the evaluation';
COMMENT ON COLUMN reco.evaluation_differences.recommender IS 'the name of the recommender';
COMMENT ON COLUMN reco.evaluation_differences.created_at IS 'when it ended';
COMMENT ON COLUMN reco.evaluation_differences.command IS 'evaluate, compare or learning_curve';
COMMENT ON COLUMN reco.evaluation_differences.model IS 'a model of it';
COMMENT ON COLUMN reco.evaluation_differences.versus IS 'another one';
COMMENT ON COLUMN reco.evaluation_differences.metric IS 'the measure';
COMMENT ON COLUMN reco.evaluation_differences.k IS 'the length of the lists; 0: the measure knows none';
COMMENT ON COLUMN reco.evaluation_differences.value IS 'the value of the first less that of the other';
COMMENT ON COLUMN reco.evaluation_differences.low IS 'the lower end of its 95 % paired interval';
COMMENT ON COLUMN reco.evaluation_differences.high IS 'the upper end';
COMMENT ON COLUMN reco.evaluation_differences.significant IS 'whether the interval does not hold 0';
GRANT SELECT ON reco.evaluation_differences TO PUBLIC;

CREATE FUNCTION reco.latest_evaluation(recommender text, evaluation bigint, command text) RETURNS bigint
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $latest$
	SELECT max(e.evaluation) FROM reco.evaluation_runs e
	WHERE ($2 IS NULL OR e.evaluation = $2) AND ($1 IS NULL OR e.recommender = $1) AND ($3 IS NULL OR e.command = $3)
$latest$;
COMMENT ON FUNCTION reco.latest_evaluation(text, bigint, text) IS 'the latest evaluation of a recommender and of a command, or the given one; NULL stands for any';

CREATE FUNCTION reco.require_report(recommender text, metric text) RETURNS void
AS 'MODULE_PATHNAME', 'reco_require_report'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED;
COMMENT ON FUNCTION reco.require_report(text, text) IS 'raises unless there is such a recommender and such a measure; NULL stands for any';

CREATE FUNCTION reco.evaluation_report(
	recommender text = NULL,
	evaluation bigint = NULL,
	OUT model text,
	OUT user_group text,
	OUT item_group text,
	OUT users bigint,
	OUT k integer,
	OUT recall numeric,
	OUT "precision" numeric,
	OUT f1 numeric,
	OUT ndcg numeric,
	OUT map numeric,
	OUT mrr numeric,
	OUT hit_rate numeric,
	OUT coverage numeric,
	OUT gini numeric,
	OUT novelty numeric,
	OUT diversity numeric,
	OUT auc numeric,
	OUT rmse numeric,
	OUT mae numeric
) RETURNS SETOF record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 40
SET search_path = pg_catalog, pg_temp
AS $report$
	SELECT reco.require_report($1, NULL);
	SELECT l.model, l.user_group, l.item_group, max(l.users), nullif(l.k, 0),
		round(max(l.value) FILTER (WHERE l.metric = 'recall')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'precision')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'f1')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'ndcg')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'map')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'mrr')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'hit_rate')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'coverage')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'gini')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'novelty')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'diversity')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'auc')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'rmse')::numeric, 4),
		round(max(l.value) FILTER (WHERE l.metric = 'mae')::numeric, 4)
	FROM reco.evaluations l
	WHERE l.evaluation = (SELECT reco.latest_evaluation($1, $2, CASE WHEN $2 IS NULL THEN 'evaluate' END))
	GROUP BY l.model, l.user_group, l.item_group, l.k
	ORDER BY l.k, array_position('{all,with history,without history,1 item,2 to 5 items,6 to 20 items,over 20 items}', l.user_group),
		array_position('{all,head,middle,tail,new}', l.item_group), min(l.place)
$report$;
COMMENT ON FUNCTION reco.evaluation_report(text, bigint) IS 'the latest reco.evaluate(), or a given evaluation, as a table a line each model, group of users, group of items and k; without a name the latest of any recommender that the caller may use';

CREATE FUNCTION reco.comparison_report(
	recommender text = NULL,
	evaluation bigint = NULL,
	metric text = NULL,
	k integer = NULL,
	versus text = NULL,
	OUT model text,
	OUT measure text,
	OUT value numeric,
	OUT low numeric,
	OUT high numeric,
	OUT versus_model text,
	OUT difference numeric,
	OUT difference_low numeric,
	OUT difference_high numeric,
	OUT significant boolean,
	OUT recall numeric,
	OUT ndcg numeric,
	OUT auc numeric,
	OUT coverage numeric,
	OUT gini numeric,
	OUT novelty numeric,
	OUT diversity numeric,
	OUT rmse numeric,
	OUT seconds numeric
) RETURNS SETOF record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $report$
	SELECT reco.require_report($1, $3);
	WITH l AS (
		SELECT e.* FROM reco.evaluations e
		WHERE e.evaluation = (SELECT reco.latest_evaluation($1, $2, CASE WHEN $2 IS NULL THEN 'compare' END))
		  AND e.user_group = 'all' AND e.item_group = 'all'
	),
	asked AS (
		SELECT m.metric, coalesce($4, (SELECT max(l.k) FROM l WHERE l.metric = m.metric)) AS k,
			coalesce($4, (SELECT max(l.k) FROM l)) AS length, CASE WHEN m.metric IN ('rmse', 'mae') THEN -1 ELSE 1 END AS sign
		FROM (SELECT coalesce($3, 'ndcg') AS metric) m
	),
	line AS (
		SELECT l.model, min(l.place) AS place, min(a.sign) AS sign,
			max(l.value) FILTER (WHERE l.metric = a.metric AND l.k = a.k) AS value,
			max(l.low) FILTER (WHERE l.metric = a.metric AND l.k = a.k) AS low,
			max(l.high) FILTER (WHERE l.metric = a.metric AND l.k = a.k) AS high,
			max(l.value) FILTER (WHERE l.metric = 'recall' AND l.k = a.length) AS recall,
			max(l.value) FILTER (WHERE l.metric = 'ndcg' AND l.k = a.length) AS ndcg,
			max(l.value) FILTER (WHERE l.metric = 'auc') AS auc,
			max(l.value) FILTER (WHERE l.metric = 'coverage' AND l.k = a.length) AS coverage,
			max(l.value) FILTER (WHERE l.metric = 'gini' AND l.k = a.length) AS gini,
			max(l.value) FILTER (WHERE l.metric = 'novelty' AND l.k = a.length) AS novelty,
			max(l.value) FILTER (WHERE l.metric = 'diversity' AND l.k = a.length) AS diversity,
			max(l.value) FILTER (WHERE l.metric = 'rmse') AS rmse,
			max(l.seconds) AS seconds
		FROM l CROSS JOIN asked a GROUP BY l.model
	),
	reference AS (
		SELECT coalesce($5, (SELECT n.model FROM line n WHERE n.value IS NOT NULL ORDER BY n.value * n.sign DESC, n.place LIMIT 1)) AS model
	)
	SELECT n.model, a.metric || CASE WHEN a.k > 0 THEN '@' || a.k ELSE '' END, round(n.value::numeric, 4),
		round(n.low::numeric, 4), round(n.high::numeric, 4), d.versus, round(d.value::numeric, 4), round(d.low::numeric, 4),
		round(d.high::numeric, 4), d.significant, round(n.recall::numeric, 4), round(n.ndcg::numeric, 4), round(n.auc::numeric, 4),
		round(n.coverage::numeric, 4), round(n.gini::numeric, 4), round(n.novelty::numeric, 2), round(n.diversity::numeric, 4),
		round(n.rmse::numeric, 4), round(n.seconds::numeric, 1)
	FROM line n CROSS JOIN asked a CROSS JOIN reference b
	LEFT JOIN reco.evaluation_differences d
		ON d.evaluation = (SELECT reco.latest_evaluation($1, $2, CASE WHEN $2 IS NULL THEN 'compare' END))
		AND d.model = n.model AND d.versus = b.model AND d.metric = a.metric AND d.k = a.k
	ORDER BY n.value * n.sign DESC NULLS LAST, n.place
$report$;
COMMENT ON FUNCTION reco.comparison_report(text, bigint, text, integer, text) IS 'the latest reco.compare(), or a given evaluation, best model first: a measure (ndcg at the greatest k unless given) with its interval, and the difference to the best model, or to another one, with its paired interval';

CREATE FUNCTION reco.learning_curve_report(
	recommender text = NULL,
	evaluation bigint = NULL,
	metric text = NULL,
	k integer = NULL,
	OUT share integer,
	OUT n_interactions bigint,
	OUT measure text,
	OUT value numeric,
	OUT low numeric,
	OUT high numeric,
	OUT gain numeric,
	OUT gain_low numeric,
	OUT gain_high numeric,
	OUT significant boolean,
	OUT seconds numeric
) RETURNS SETOF record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $report$
	SELECT reco.require_report($1, $3);
	WITH l AS (
		SELECT e.* FROM reco.evaluations e
		WHERE e.evaluation = (SELECT reco.latest_evaluation($1, $2, CASE WHEN $2 IS NULL THEN 'learning_curve' END))
		  AND e.user_group = 'all' AND e.item_group = 'all' AND e.share IS NOT NULL AND e.metric = coalesce($3, 'ndcg')
	),
	line AS (
		SELECT l.*, lag(l.model) OVER (ORDER BY l.share) AS smaller FROM l
		WHERE l.k = coalesce($4, (SELECT max(x.k) FROM l x))
	)
	SELECT n.share, n.n_interactions, n.metric || CASE WHEN n.k > 0 THEN '@' || n.k ELSE '' END, round(n.value::numeric, 4),
		round(n.low::numeric, 4), round(n.high::numeric, 4), round(d.value::numeric, 4), round(d.low::numeric, 4),
		round(d.high::numeric, 4), d.significant, round(n.seconds::numeric, 1)
	FROM line n LEFT JOIN reco.evaluation_differences d
		ON d.evaluation = n.evaluation AND d.model = n.model AND d.versus = n.smaller AND d.metric = n.metric AND d.k = n.k
	ORDER BY n.share
$report$;
COMMENT ON FUNCTION reco.learning_curve_report(text, bigint, text, integer) IS 'the latest reco.learning_curve(), or a given one: a measure by the percentage of users learned from, with what the last step gained and its paired interval';
