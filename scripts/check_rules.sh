#!/bin/bash
# Rules that no compiler knows. Each complaint is one line; none means all is well.
#
#   scripts/check_rules.sh            version numbers agree; every test is run; the install script replaces nothing; every function
#                                     is in docs/security.md; every error has an SQLSTATE and a test; no symbol is exported but
#                                     what is called by name (of BUILD, if built)
#   scripts/check_rules.sh --self-test  plant one violation of each kind in a copy and expect each to be found
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
bad=0

# expect_complaint(words, command): runs the command in a clean copy and expects the rules to say the words and to fail
expect_complaint()
{
	local said
	rm -rf "$copy/reco"
	mkdir "$copy/reco"
	git ls-files -z | xargs -0 tar c | tar x -C "$copy/reco"
	(cd "$copy/reco" && eval "$2")
	if said=$(BUILD=$BUILD "$copy/reco/scripts/check_rules.sh" 2>&1) || ! grep -qF -- "$1" <<<"$said"; then
		printf 'self-test: not found: %s (%s)\n' "$1" "$2" >&2
		exit 1
	fi
	echo "found: $1"
}

# self_test: each line is what is to be said, and a command that is a reason to
self_test()
{
	local words command
	mkdir -p "$BUILD"
	BUILD=$(realpath "$BUILD")
	copy=$(mktemp -d "$BUILD/rules.XXXXXX")
	trap 'rm -rf "$copy"' EXIT
	while IFS='~' read -r words command; do
		expect_complaint "$words" "$command"
	done <<-'END'
		and there is no sql/reco--9~sed -i "s/^default_version.*/default_version = '9'/" reco.control
		META.json does not say version~sed -i '0,/"version": "[0-9.]*"/s//"version": "9"/' META.json
		META.json does not name~sed -i 's,sql/reco--,sql/reco-,' META.json
		CHANGELOG.md does not begin~sed -i 's/^## /## 9/' CHANGELOG.md
		debian/changelog does not begin~sed -i '1s/(/(9/' debian/changelog
		test/sql/zz.sql has no expected~touch test/sql/zz.sql
		expected/zz.out belongs to no test~touch expected/zz.out
		test/isolation/specs/zz.spec has no expected~cp test/isolation/specs/define.spec test/isolation/specs/zz.spec
		test/isolation/expected/zz.out belongs to no test~touch test/isolation/expected/zz.out
		step idle is in no permutation~printf 'step idle { SELECT 1; }\n' >>test/isolation/specs/define.spec
		test/kernel/test_zz.c is in no list~touch test/kernel/test_zz.c
		test/t/zz.pl does not end~touch test/t/zz.pl
		test/sql/more/zz.sql is in no folder~mkdir test/sql/more && touch test/sql/more/zz.sql
		test/fuzz/zz.c is in no folder~touch test/fuzz/zz.c
		replaces what may be~printf 'CREATE OR\nREPLACE VIEW reco.models AS SELECT 1;\n' >>sql/reco--0.1.0.sql
		does not begin with SET LOCAL~sed -i '/^SET LOCAL/d' sql/reco--0.1.0.sql
		runs as its owner~echo 'ALTER FUNCTION reco.may_use(uuid) SECURITY DEFINER;' >>sql/reco--0.1.0.sql
		says nothing of new2()~echo 'CREATE FUNCTION reco.new2() RETURNS int' >>sql/reco--0.1.0.sql
		is not that of expected/privileges.out~sed -i '/^| `refresh`/s/no |/yes |/' docs/security.md
		multiplies sizes~echo 'static Size f(void) { return mul_size(1, 2); }' >>src/sqlapi/call.c
		an error without SQLSTATE~echo 'static void f(void) { ereport(ERROR, errmsg("a"), errhint("errcode()")); }' >>src/sqlapi/call.h
		an error without SQLSTATE~echo 'static void f(int a) { ereport(a ? ERROR : FATAL, errmsg("a")); }' >>src/sqlapi/call.c
		no test shows this error: zebras graze here~echo 'static void f(void) { ereport(ERROR, errcode(1), errmsg("zebras graze here")); }' >>src/sqlapi/call.c
		excuses: not said~sed -i 's/^\t\ttoo many distinct user/\t\tnot said\tso\n&/' scripts/check_rules.sh
		PostgreSQL 18 has pg_noreturn~echo 'void f(void) pg_attribute_noreturn();' >>src/sqlapi/call.h
		goes around the arrows~echo 'extern void reco_call_begin(void);' >>src/model/json.c
	END
	[[ ! -e $BUILD/reco.so ]] || expect_complaint 'which nobody calls by that name' "sed -i '/reco_probability/d' sql/reco--0.1.0.sql"
	[[ ! -e $BUILD/reco.so ]] || expect_complaint 'which is called by that name' "sed -i s/reco_probability/reco_nowhere/ sql/reco--0.1.0.sql"
}

if [[ ${1:-} == --self-test ]]; then
	self_test
	exit
fi

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
	while read -r file; do grep -q "$file" scripts/fuzz.sh || echo "$file"; done | sort)

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

# ---- headers ----

# PostgreSQL 16 has no other header that includes it
while read -r file; do
	grep -q '"storage/shmem.h"' "$file" || complain "$file multiplies sizes and does not include storage/shmem.h"
done < <(grep -rlE '\b(mul|add)_size\(' src --include='*.[ch]')

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
