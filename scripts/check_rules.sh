#!/bin/bash
# Rules that no compiler knows. Each complaint is one line; none means all is well.
#
#   scripts/check_rules.sh            version numbers agree; every test is run; the install script replaces nothing; every function
#                                     is in docs/security.md; every error has an SQLSTATE and a test; exported symbols (of BUILD,
#                                     if built)
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
bad=0

complain()
{
	echo "$*"
	bad=1
}

# ---- version numbers ----

version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" reco.control)
[[ -e sql/reco--$version.sql ]] || complain "reco.control says $version, and there is no sql/reco--$version.sql"
[[ $(grep -c "\"version\": \"$version\"" META.json) -eq 2 ]] || complain "META.json does not say version $version twice"
grep -q "\"file\": \"sql/reco--$version.sql\"" META.json || complain "META.json does not name sql/reco--$version.sql"
[[ $(sed -n 's/^## \([^ ]*\).*/\1/p' CHANGELOG.md | head -n 1) == "$version" ]] || complain "CHANGELOG.md does not begin with $version"
if [[ -e debian/changelog ]]; then
	[[ $(sed -n '1s/^[^(]*(\([^-)]*\).*/\1/p' debian/changelog) == "$version" ]] || complain "debian/changelog does not begin with $version"
fi

# ---- tests ----

for file in test/sql/*.sql; do
	name=$(basename "$file" .sql)
	[[ -e expected/$name.out ]] || complain "$file has no expected/$name.out"
done
for file in test/isolation/specs/*.spec; do
	name=$(basename "$file" .spec)
	[[ -e test/isolation/expected/$name.out ]] || complain "$file has no expected result"
	# every step that is defined is used
	while read -r step; do
		grep -qE "^permutation.* $step( |\$|\()" "$file" || grep -qE '^permutation' "$file" && grep -qE "^permutation(.* )?$step( |\$|\()" "$file" ||
			complain "$file: step $step is in no permutation"
	done < <(sed -nE 's/^step[[:space:]]+"?([a-z_0-9]+)"?.*/\1/p' "$file")
done
for file in test/kernel/test_*.c; do
	name=$(basename "$file" .c)
	grep -qE "^(PLAIN|BLAS) = .*\b${name#test_}\b" test/kernel/Makefile || complain "$file is in no list of test/kernel/Makefile"
done
for file in test/t/*.pl; do
	grep -q '^done_testing();' "$file" || complain "$file does not end with done_testing()"
done

# ---- the install script (CVE-2022-2625) ----

grep -nEi '\b(OR REPLACE|IF NOT EXISTS)\b' sql/reco--*.sql && complain 'an install script replaces what may be somebody else'"'"'s'
for script in sql/reco--*.sql; do
	[[ $(sed -E '/^(--|\\echo |\/\*.*\*\/$|$)/d' "$script" | head -n 1) == 'SET LOCAL search_path = pg_catalog, pg_temp;' ]] ||
		complain "$script does not begin with SET LOCAL search_path = pg_catalog, pg_temp;"
done
grep -nEi 'SECURITY DEFINER' sql/reco--*.sql && complain 'a function runs as its owner'

# ---- who may do what ----

while read -r name; do
	grep -q "\`$name\`" docs/security.md || complain "docs/security.md says nothing of $name()"
done < <(sed -nE 's/^CREATE (FUNCTION|PROCEDURE) reco\.([a-z_]+)\(.*/\2/p' "sql/reco--$version.sql" | sort -u |
	grep -vE '^(list_rows|many_rows|may_use|progress_rows|builtin_reason_templates|check_reason_template|relation_reference.*|role_reference.*)$')

# the table there is the one that test/sql/privileges.sql prints
diff <(sed -nE '/^\| `create_recommender`/,/^$/p' docs/security.md | tr -d '`' | sed -E 's/^\| //; s/ \|$//; s/ +\| +/|/g; /^$/d') \
	<(sed -nE 's/^\| ([a-z].*[^ ]) *\| (yes|[0-9A-Z]{5}) .*/&/p' expected/privileges.out | grep -v '^| *action ' | sed -E 's/^\| //; s/ *\|$//; s/ +\| +/|/g; s/\|[0-9A-Z]{5}/|no/g') ||
	complain 'the table of docs/security.md is not that of expected/privileges.out'

# ---- errors: each has an SQLSTATE, and with --errors each has a test ----

errors()
{
	# shellcheck disable=SC2016
	perl -0777 -ne '
		while (/\bereport\s*(\((?:[^()"\x27]|"(?:[^"\\]|\\.)*"|\x27(?:[^\x27\\]|\\.)*\x27|(?1))*\))/g) {
			my ($body, $line) = ($1, 1 + (substr($_, 0, $-[0]) =~ tr/\n//));
			next unless $body =~ /^\(\s*ERROR/;
			my ($message) = $body =~ /errmsg(?:_plural)?\s*\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)/;
			$message = join "", ($message // "") =~ /"((?:[^"\\]|\\.)*)"/g;
			print join("\t", $ARGV, $line, $body =~ /errcode/ ? "state" : "none", $message), "\n";
		}' "$@"
}

mapfile -t sources < <(find src -name '*.c' ! -path 'src/kernel/*' | sort)
while IFS=$'\t' read -r file line state message; do
	[[ $state == state ]] || complain "$file:$line: an error without SQLSTATE: $message"
done < <(errors "${sources[@]}")

# Messages that no test shows word for word, and why.
untested()
{
	cat <<-'END'
		a reco worker process ended in the middle of its work	a worker that is killed takes the server down (t/013_crash.pl), one that is told to end finishes its range
		could not reserve %s of learning memory: %m	shown by SQLSTATE and hint in t/013_crash.pl: the words are the system's
		model of %s cannot be copied into private memory, reco.private_cache_limit is %s	shown by a pattern in t/020_cache.pl
		tensor \"%s\" of the learned model has values that are not finite	a guard: the kernels refuse before (sql/errors.sql)
		the scores of this user are not finite	a guard: als, and the check of neighbour models, refuse what would lead there (sql/hostile_models.sql)
		too many distinct user or item ids	would take four billion ids
		too many interactions: at most %u can be read	would take four billion rows
	END
}

shown=$(cat expected/*.out test/isolation/expected/*.out test/t/*.pl test/sql/*.sql)
exceptions=$(untested | cut -f 1)
while IFS=$'\t' read -r file line state message; do
	[[ -n $message ]] || continue
	pattern=$(printf '%s' "$message" | perl -pe 's/\\"/"/g; s/\\n/ /g; $_ = join ".*", map { quotemeta } split /%(?:[-0-9.*]*(?:ll|l|z)?[a-zA-Z]|%)/')
	grep -qP -- "$pattern" <<<"$shown" || grep -qxF -- "$message" <<<"$exceptions" || complain "$file:$line: no test shows this error: $message"
done < <(errors "${sources[@]}")
said=$(errors "${sources[@]}" | cut -f 4)
while IFS= read -r message; do
	grep -qxF -- "$message" <<<"$said" || complain "no error says any more, and scripts/check_rules.sh excuses: $message"
done <<<"$exceptions"

# ---- server versions ----

grep -rn 'pg_attribute_noreturn' src --include='*.[ch]' --exclude=compat.h && complain 'PostgreSQL 18 has pg_noreturn before the declaration'

# ---- exported symbols ----

library=$BUILD/reco.so
if [[ -e $library ]]; then
	symbols=$(nm -D --defined-only "$library" | awk '{print $3}')
	grep -vE '^(reco_|pg_finfo_reco_|_PG_init$|Pg_magic_func$)' <<<"$symbols" && complain "$library exports what is not its own"
	while read -r name; do
		grep -qx "$name" <<<"$symbols" || complain "$library does not export $name, which the install script names"
	done < <(sed -nE "s/.*'MODULE_PATHNAME', '([a-z_0-9]+)'.*/\1/p" "sql/reco--$version.sql" | sort -u)
fi
exit $bad
