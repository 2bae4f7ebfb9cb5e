#!/bin/bash
# Rules that no compiler knows. Each complaint is one line; none means all is well.
#
#   scripts/check_rules.sh            version numbers agree; every test is run; the install script replaces nothing; every function
#                                     is in docs/security.md; every error has an SQLSTATE; exported symbols (of BUILD, if built)
#   scripts/check_rules.sh --errors   also lists the messages of errors that no test shows
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
grep -nEi 'SECURITY DEFINER' sql/reco--*.sql && complain 'a function runs as its owner'

# ---- who may do what ----

while read -r name; do
	grep -q "\`$name\`" docs/security.md || complain "docs/security.md says nothing of $name()"
done < <(sed -nE 's/^CREATE (FUNCTION|PROCEDURE) reco\.([a-z_]+)\(.*/\2/p' "sql/reco--$version.sql" | sort -u |
	grep -vE '^(list_rows|many_rows|may_use|progress_rows|builtin_reason_templates|check_reason_template|relation_reference.*|role_reference.*)$')

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
if [[ ${1:-} == --errors ]]; then
	shown=$(cat expected/*.out test/isolation/expected/*.out test/t/*.pl test/sql/*.sql)
	total=0 unseen=0
	while IFS=$'\t' read -r file line state message; do
		[[ -n $message ]] || continue
		total=$((total + 1))
		pattern=$(printf '%s' "$message" | perl -pe 's/\\"/"/g; s/\\n/ /g; $_ = join ".*", map { quotemeta } split /%(?:[-0-9.*]*(?:l|ll|z)?[a-zA-Z]|%)/')
		if ! grep -qP -- "$pattern" <<<"$shown"; then
			echo "no test shows: $file:$line: $message"
			unseen=$((unseen + 1))
		fi
	done < <(errors "${sources[@]}")
	echo "$total messages of errors, $unseen of them in no test"
fi

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
