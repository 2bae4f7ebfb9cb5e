# Shared by the benchmark scripts: puts a large version beside a learned one. As superuser and past the product: rows of the
# format of src/README.md go straight into reco's tables.
# shellcheck shell=bash

# synthetic_build: compiles bench/synthetic.c with the kernels it needs
synthetic_build()
{
	gcc -std=gnu11 -O3 -ffp-contract=off -I"$RECO_HOME/src" -o "$RECO_BUILD/synthetic" "$RECO_HOME/bench/synthetic.c" \
		"$RECO_HOME"/src/kernel/{quantise,rotate,rng,probe,topk,solve}.c -lm
}

# synthetic_install(recommender, kind, items, version): stores a version of that number and deploys it; what is not of the
# items it has from version 1
synthetic_install()
{
	local columns
	columns=$(sql -At -c "SELECT options ->> 'factors' FROM reco.models WHERE recommender = '$1' AND version = 1")
	sql -c 'SET client_min_messages = warning' -c 'DROP TABLE IF EXISTS synthetic' \
		-c 'CREATE UNLOGGED TABLE synthetic (tensor text, type text, n bigint, columns bigint, chunk int, data bytea)'
	sql -At -c "SELECT encode(string_agg(c.data, '' ORDER BY v.chunk), 'hex') FROM reco.version_chunk v JOIN reco.chunk c USING (recommender, digest)
			WHERE v.recommender = (SELECT key FROM reco.recommender WHERE name = '$1') AND v.number = 1 AND v.tensor = 'item_factor'" |
		"$RECO_BUILD/synthetic" "$2" "$3" "$columns" | sql -c 'COPY synthetic FROM STDIN'
	sql -v name="$1" -v number="$4" <<'SQL'
BEGIN;
SELECT key AS recommender FROM reco.recommender WHERE name = :'name' \gset
-- what does not depend on the items
INSERT INTO synthetic
SELECT v.tensor, t ->> 'type', (t ->> 'rows')::bigint, (t ->> 'columns')::bigint, v.chunk, c.data
FROM reco.version o, jsonb_array_elements(o.tensors) t, reco.version_chunk v JOIN reco.chunk c USING (recommender, digest)
WHERE o.recommender = :'recommender' AND o.number = 1 AND v.recommender = o.recommender AND v.number = 1 AND v.tensor = t ->> 'name'
	AND v.tensor IN ('rule', 'gram_eigenvalue', 'als_parameters');
INSERT INTO reco.chunk (recommender, digest, data)
SELECT :'recommender', sha256(data), data FROM synthetic ON CONFLICT DO NOTHING;
INSERT INTO reco.version
SELECT recommender, :number, gen_random_uuid(), created_at, format, algorithm, user_type, item_type, as_of, n_users,
	(SELECT max(n) FROM synthetic WHERE tensor = 'item_key'), n_interactions, options, metrics,
	(SELECT jsonb_agg(jsonb_build_object('name', tensor, 'type', type, 'rows', n, 'columns', columns) ORDER BY tensor)
	 FROM (SELECT DISTINCT tensor, type, n, columns FROM synthetic) s)
FROM reco.version WHERE recommender = :'recommender' AND number = 1;
INSERT INTO reco.version_chunk SELECT :'recommender', :number, tensor, chunk, sha256(data) FROM synthetic;
SELECT reco.deploy(:'name', :number);
COMMIT;
DROP TABLE synthetic;
VACUUM ANALYZE reco.chunk, reco.version_chunk;
SQL
}
