#!/bin/bash
# Rules that no compiler knows. Each complaint is one line; none means all is well.
#
#   scripts/check_rules.sh            version numbers agree; every test is run; the install script replaces nothing; every function
#                                     is in docs/security.md; every error has an SQLSTATE and a test; no symbol is exported but
#                                     what is called by name (of BUILD, if built)
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
for file in expected/*.out test/isolation/expected/*.out; do
	name=$(basename "$file" .out)
	[[ -e test/sql/$name.sql || -e test/sql/${name%_[0-9]}.sql || -e test/isolation/specs/$name.spec || -e test/isolation/specs/${name%_[0-9]}.spec ]] ||
		complain "$file belongs to no test"
done
# make check takes the tests of these folders alone
while read -r file; do
	complain "$file is in no folder, or of no name, that make check or scripts/fuzz.sh runs"
done < <(find test -type f \( -name '*.sql' -o -name '*.spec' -o -name '*.pl' -o -name '*.c' \) |
	grep -vE '^test/(sql/[^/]*\.sql|isolation/specs/[^/]*\.spec|t/[^/]*\.pl|kernel/test_[^/]*\.c)$' |
	while read -r file; do grep -q "$file" scripts/*.sh || echo "$file"; done | sort)

# ---- the install script (CVE-2022-2625) ----

perl -0777 -ne 'while (/\b(OR\s+REPLACE|IF\s+NOT\s+EXISTS)\b/gi) { $found = 1; print "$ARGV: $1\n" } END { exit !$found }' sql/reco--*.sql && complain 'an install script replaces what may be somebody else'"'"'s'
for script in sql/reco--*.sql; do
	[[ $(sed -E '/^(--|\\echo |\/\*.*\*\/$|$)/d' "$script" | head -n 1) == 'SET LOCAL search_path = pg_catalog, pg_temp;' ]] ||
		complain "$script does not begin with SET LOCAL search_path = pg_catalog, pg_temp;"
done
grep -nEi 'SECURITY DEFINER' sql/reco--*.sql && complain 'a function runs as its owner'

# ---- who may do what ----

while read -r name; do
	grep -q "\`$name\`" docs/security.md || complain "docs/security.md says nothing of $name()"
done < <(sed -nE 's/^CREATE (FUNCTION|PROCEDURE) reco\.([a-z_0-9]+)\(.*/\2/p' "sql/reco--$version.sql" | sort -u |
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
			next unless $body =~ /^\([^,"]*\b(?:ERROR|FATAL)\b/;
			(my $code = $body) =~ s/"(?:[^"\\]|\\.)*"//g;
			my ($message) = $body =~ /errmsg(?:_plural)?\s*\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)/;
			$message = join "", ($message // "") =~ /"((?:[^"\\]|\\.)*)"/g;
			print join("\t", $ARGV, $line, $code =~ /\berrcode(?:_for_file_access)?\s*\(/ ? "state" : "none", $message), "\n";
		}' "$@"
}

mapfile -t sources < <(find src \( -name '*.[ch]' -o -name '*.inc' \) ! -path 'src/kernel/*' | sort)
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

# a program that reads lines of errors and prints those that no file shows
# shellcheck disable=SC2016
shown='
	my @errors = <STDIN>;
	local $/;
	my $shown = join "\n", map { open my $f, "<", $_ or die "$_: $!"; <$f> } @ARGV;
	for (@errors) {
		s/\n\z//;
		my ($file, $line, $state, $message) = split /\t/;
		next unless length($message // "");
		(my $words = $message) =~ s/\\"/"/g;
		$words =~ s/\\n/ /g;
		my $pattern = join ".*", map { quotemeta } split /%(?:[-0-9.*]*(?:ll|l|z)?[a-zA-Z]|%)/, $words;
		print "$_\n" unless $shown =~ /$pattern/;
	}'
exceptions=$(untested | cut -f 1)
while IFS=$'\t' read -r file line state message; do
	grep -qxF -- "$message" <<<"$exceptions" || complain "$file:$line: no test shows this error: $message"
done < <(errors "${sources[@]}" | perl -e "$shown" expected/*.out test/isolation/expected/*.out test/t/*.pl test/sql/*.sql)
said=$(errors "${sources[@]}" | cut -f 4)
while IFS= read -r message; do
	grep -qxF -- "$message" <<<"$said" || complain "no error says any more, and scripts/check_rules.sh excuses: $message"
done <<<"$exceptions"

# ---- server versions ----

grep -rn 'pg_attribute_noreturn' src --include='*.[ch]' --exclude=compat.h && complain 'PostgreSQL 18 has pg_noreturn before the declaration'

# ---- exported symbols ----

# check_exports(library): reads the names that it must export, and must not export others
check_exports()
{
	local line
	while read -r line; do
		complain "$1: exports $line"
	done < <(diff <(sort -u) <(nm -D --defined-only "$1" | awk '{print $3}' | sort -u) |
		sed -nE 's/^< (.*)/not \1, which is called by that name/p; s/^> (.*)/\1, which nobody calls by that name/p')
}

# a symbol that is exported could meet that of another extension, and an internal one called by SQL takes the server down
if [[ -e $BUILD/reco.so ]]; then
	check_exports "$BUILD/reco.so" < <(
		sed -nE "s/.*'MODULE_PATHNAME', '([a-z_0-9]+)'.*/\1\npg_finfo_\1/p" sql/reco--*.sql
		grep -rhoE '"reco_[a-z_]*_worker_main"' src --include='*.c' | tr -d '"'
		printf '%s\n' _PG_init Pg_magic_func)
	check_exports "$BUILD/reco_blas.so" < <(printf '%s\n' Pg_magic_func reco_blas_api)
else
	echo "exported symbols were not checked: there is no $BUILD/reco.so" >&2
fi

grep -rnE '^[[:space:]]*extern ' src --include='*.c' --include='*.inc' | grep -vE '\b(openblas|blas)_' && complain 'a declaration by hand goes around the arrows: include the header'
exit $bad
