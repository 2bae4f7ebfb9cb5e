#!/bin/bash
# Learning: seconds by phase and by sweep, GFLOP/s against this machine's sgemm, loss and quality by sweep, incremental
# against full, the number of workers, and, where it is installed, the Python library "implicit" in the same run.
#
#   bench/train.sh FOLDER [factors] [repetitions]        make bench-train DATA=FOLDER does the same
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

begin "${1:-}"
FACTORS=${2:-64}
REPEAT=${3:-3}
LOG=$RECO_BUILD/bench/train.log

# median(): of the numbers on standard input, one a line
median()
{
	sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.3f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2; else printf "-" }'
}

# refresh(mode, options): one refresh with its messages in $LOG
refresh()
{
	sql -c "SET client_min_messages = debug1" -c "SET reco.workers = ${WORKERS:--1}" -c "SET log_statement_stats = on" \
		-c "CALL reco.refresh('bench', '$1', options => '$2')" >"$LOG" 2>&1 || die "$(cat "$LOG")"
}

# found(pattern): what the parentheses of a sed pattern match in the messages of the last refresh, a line each
found()
{
	sed -nE "s/.*$1.*/\1/p" "$LOG"
}

# gflop(): floating-point operations of a sweep, in units of 1e9: of both forms of a row's system the cheaper one, without symmetric halves
gflop()
{
	sql -At -v d="$FACTORS" <<'SQL'
WITH pair AS (SELECT DISTINCT user_id, item_id FROM events),
	side AS (SELECT 0 AS side, count(*)::float8 AS n FROM pair GROUP BY user_id UNION ALL SELECT 1, count(*)::float8 FROM pair GROUP BY item_id)
SELECT round((sum(CASE WHEN n < :d THEN n * n * :d + n * n * n / 3 ELSE n * :d * :d + :d ^ 3 / 3 END + 2 * n * :d + 3.0 * :d * :d) / 1e9)::numeric, 2) FROM side;
SQL
}

# phases(label): a line of medians over repetitions of full refreshes
phases()
{
	local run dir=$RECO_BUILD/bench/phase
	rm -rf "$dir"
	mkdir -p "$dir"
	for ((run = 0; run < REPEAT; run++)); do
		refresh full "{\"factors\": $FACTORS}"
		found 'read .* in ([0-9.]+) s' >>"$dir/read"
		found 'learned in ([0-9.]+) s' >>"$dir/learn"
		found 'stored .* in ([0-9.]+) s' >>"$dir/store"
		found 'learning sweep .* ([0-9.]+) s' >>"$dir/sweep"
		found 'sweep .*, ([0-9.]+) s and .* to measure' >>"$dir/sweep"
		found 'and ([0-9.]+) s to measure' >>"$dir/measure"
		found '"sweeps": ([0-9]+)' >>"$dir/sweeps"
		found '!	([0-9.]+) s user, ' >>"$dir/cpu"
	done
	SWEEP=$(median <"$dir/sweep")
	printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$(median <"$dir/read")" "$(median <"$dir/learn")" \
		"$(median <"$dir/store")" "$(median <"$dir/sweeps" | sed 's/\..*//')" "$SWEEP" "$(median <"$dir/measure")" "$(median <"$dir/cpu")"
}

# quality(sweeps): recall@20 and NDCG@20 on the folder's test file
quality()
{
	sql -c "SET client_min_messages = warning" -c "CALL reco.evaluate('bench', test => 'test', options => '{\"k\": [20],
		\"resamples\": 0, \"model\": {\"factors\": $FACTORS, \"iterations\": $1}}')"
	sql -At -F ' | ' -c "SELECT recall, ndcg FROM reco.evaluation_report('bench') WHERE model NOT IN ('popularity', 'random') AND user_group = 'all' AND item_group = 'all' AND k = 20"
}

# served(): NDCG@20 and recall@20 of the lists that are served to a tenth of the users of the test file
served()
{
	sql -At -F ' | ' <<'SQL'
WITH target AS (SELECT user_id, array_agg(item_id) AS items FROM test WHERE hashint4(user_id) % 10 = 0 GROUP BY user_id),
	list AS (
		SELECT (SELECT coalesce(sum(1 / ln(r.rank + 1)), 0) FROM reco.recommend(user_id::bigint, 20) r WHERE r.item_id = ANY (items)) AS gain,
			(SELECT sum(1 / ln(i + 1)) FROM generate_series(1, least(20, cardinality(items))) i) AS most,
			(SELECT count(*)::float8 FROM reco.recommend(user_id::bigint, 20) r WHERE r.item_id = ANY (items)) / cardinality(items) AS recall
		FROM target)
SELECT round(avg(gain / most)::numeric, 4), round(avg(recall)::numeric, 4) FROM list;
SQL
}

# went(label, mode): one refresh of an incremental comparison as a line
went()
{
	[[ -z $2 ]] || refresh "$2" "{\"factors\": $FACTORS}"
	printf '| %s | %s | %s |\n' "$1" "$([[ -z $2 ]] || found 'learned .*in ([0-9.]+) s')" "$(served)"
}

# incremental(label, condition): a version learns the events of the condition, and then gets the others
incremental()
{
	sql -c "CREATE TABLE later AS SELECT * FROM events WHERE NOT ($2)" -c "DELETE FROM events WHERE NOT ($2)"
	went "$1: before" full
	sql -c 'INSERT INTO events SELECT * FROM later' -c 'DROP TABLE later' -c 'VACUUM ANALYZE events'
	went "$1: all events served" ''
	went "$1: incremental" incremental
	went "$1: incremental again" incremental
	went "$1: full" full
}

# implicit_sweeps: seconds of a sweep of "implicit", exact and with conjugate gradients, on the same rows
implicit_sweeps()
{
	sql -c "COPY (SELECT DISTINCT user_id, item_id FROM events) TO STDOUT (FORMAT csv)" >"$RECO_BUILD/bench/pairs.csv"
	OPENBLAS_NUM_THREADS=1 python3 - "$RECO_BUILD/bench/pairs.csv" "$FACTORS" <<'PYTHON'
import sys, time
import numpy, scipy.sparse, implicit

pairs = numpy.loadtxt(sys.argv[1], delimiter=",", dtype=numpy.int32)
rows = scipy.sparse.csr_matrix((numpy.ones(len(pairs), numpy.float32), (pairs[:, 0], pairs[:, 1])))
for exact in (True, False):
    model = implicit.als.AlternatingLeastSquares(factors=int(sys.argv[2]), iterations=4, use_cg=not exact, use_gpu=False)
    times = [time.perf_counter()]
    model.fit(rows, show_progress=False, callback=lambda *_: times.append(time.perf_counter()))
    print("| implicit, %s | %.3f |" % ("exact" if exact else "3 conjugate gradients", numpy.median(numpy.diff(times)[1:])))
PYTHON
}

sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
printf 'Learning on %s, %s factors: %s\n\n' "$(basename "$FOLDER")" "$FACTORS" "$(machine)"
printf '| workers | read s | learn s | store s | sweeps | s a sweep | s to measure one | CPU s of the session |\n|---|---|---|---|---|---|---|---|\n'
for WORKERS in 0 1 2; do
	phases "$WORKERS"
	[[ $WORKERS != 0 ]] || ALONE=$SWEEP
done

gcc -O2 -o "$RECO_BUILD/bench/sgemm" "$RECO_HOME/bench/sgemm.c" -L"/usr/lib/$(gcc -print-multiarch)/openblas-serial" -lopenblas \
	-Wl,-rpath,"/usr/lib/$(gcc -print-multiarch)/openblas-serial"
OPERATIONS=$(gflop)
PEAK=$("$RECO_BUILD/bench/sgemm")
printf '\nOne process: %s GFLOP a sweep in %s s are %s GFLOP/s; sgemm does %s.\n' "$OPERATIONS" "$ALONE" \
	"$(awk -v a="$OPERATIONS" -v b="$ALONE" 'BEGIN { printf "%.1f", a / b }')" "$PEAK"

# shellcheck disable=SC2046
gcc -std=gnu11 -O3 -ffp-contract=off -I"$RECO_HOME/src" -isystem "/usr/include/$(gcc -print-multiarch)/openblas-serial" -o "$RECO_BUILD/bench/sweep" \
	"$RECO_HOME/bench/sweep.c" $(printf "$RECO_HOME/src/kernel/%s.c " als als_float als_double small eigh csr rng solve) \
	-L"/usr/lib/$(gcc -print-multiarch)/openblas-serial" -lopenblas -Wl,-rpath,"/usr/lib/$(gcc -print-multiarch)/openblas-serial" -lm
printf '\n| CPU seconds of a sweep by part, users + items | Gram | eigenvectors | rotation | rows | all |\n|---|---|---|---|---|---|\n'
sql -c "COPY (SELECT DISTINCT user_id, item_id FROM events) TO STDOUT (FORMAT csv)" | "$RECO_BUILD/bench/sweep" "$FACTORS" "$((FACTORS < 512 ? 5 : 2))"

WORKERS=-1
refresh full "{\"factors\": $FACTORS, \"iterations\": 8}"
printf '\n| sweep | loss on all rows |\n|---|---|\n'
sed -nE 's/.*learning sweep ([0-9]+): loss ([^,]+),.*/| \1 | \2 |/p' "$LOG"
if load_pairs "$FOLDER" test; then
	printf '\n| sweeps | recall@20 | NDCG@20 |\n|---|---|---|\n'
	for sweeps in 1 2 3 4 6 8; do
		printf '| %s | %s |\n' "$sweeps" "$(quality "$sweeps")"
	done
	printf '\n| refresh | learn s | NDCG@20 | recall@20 |\n|---|---|---|---|\n'
	incremental 'a tenth of the events is new' 'hashint8extended(user_id::bigint << 32 | item_id, 7) & 1023 < 922'
	incremental 'a twentieth of the items is new' 'hashint8extended(item_id, 7) & 1023 < 973'
fi

if python3 -c 'import implicit' 2>/dev/null; then
	printf '\n| alternating, the same rows | s a sweep |\n|---|---|\n'
	for ((run = 0; run < REPEAT; run++)); do
		refresh full "{\"factors\": $FACTORS, \"iterations\": 4}"
		printf '| reco, exact | %s |\n' "$(found 'learning sweep .* ([0-9.]+) s' | median)"
		implicit_sweeps
	done
else
	printf '\nThe Python library "implicit" is not installed: no comparison.\n'
fi
