#!/bin/bash
# A throwaway PostgreSQL cluster under build/, with the extension of this checkout in it.
#
#   scripts/cluster.sh psql [arguments]   start one, open psql in it, stop it
#   scripts/cluster.sh run command ...    start one, run the command with PGHOST and the like set, stop it
#   . scripts/cluster.sh                  the functions, for other scripts
#
# Nothing is written outside the checkout. The server finds its libraries and its share folder relative to its own
# executable, so a private tree build/pg holds copies of the executables and links to the rest, and the extension is
# installed into that tree. Root cannot run a server: it runs as the package's user postgres then. It listens on a Unix
# socket under build/ alone, and is stopped by its process id however the script ends; if the script is killed outright,
# a watchdog stops it. PG_PREFIX names a server of one's own (a folder with bin, lib and share) in place of Debian's.
set -euo pipefail
umask 022

PG_MAJOR=${PG_MAJOR:-15}
RECO_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
case ${BUILD:-build} in
	/*) RECO_BUILD=$BUILD ;;
	*) RECO_BUILD=$RECO_HOME/${BUILD:-build} ;;
esac
SYSTEM_BIN=${PG_PREFIX:-/usr/lib/postgresql/$PG_MAJOR}/bin
SYSTEM_LIB=${PG_PREFIX:-/usr/lib/postgresql/$PG_MAJOR}/lib
SYSTEM_SHARE=${PG_PREFIX:+$PG_PREFIX/share}
SYSTEM_SHARE=${SYSTEM_SHARE:-/usr/share/postgresql/$PG_MAJOR}
TREE=$RECO_BUILD/pg
TREE_BIN=$TREE$SYSTEM_BIN

export LC_ALL=C.UTF-8 LANG=C.UTF-8 TZ=UTC PGTZ=UTC
unset LANGUAGE PGDATABASE PGHOST PGHOSTADDR PGPORT PGUSER PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS \
	PGSSLMODE PGDATA PGCLIENTENCODING PGAPPNAME PGCONNECT_TIMEOUT PGDATESTYLE PSQLRC MAKEFLAGS MFLAGS MAKELEVEL

SERVER_PID=
SERVER_SOCKET=
SERVER_LOG=
read -ra SERVER_COMMAND <<<"${RECO_SERVER_COMMAND:-}" # what the postmaster is started by, and RECO_SERVER_SETTING a line of configuration (scripts/sanitize.sh)
CHILD_PID=
WATCHDOG_PID=
SCRATCH=()

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "$0: $*"
	exit 1
}

# ---- who runs the server ---------------------------------------------------------------------------------------------

# choose_user: sets SERVER_USER, and RUN_AS, the command prefix that becomes that user. Everybody is themselves but root,
# who becomes postgres, or nobody where there is no postgres.
choose_user()
{
	mkdir -p "$RECO_BUILD"
	RUN_AS=(setpriv --pdeathsig INT)
	SERVER_USER=$(id -un)
	[[ $(id -u) -eq 0 ]] || return 0

	local capability extra
	SERVER_USER=postgres
	getent passwd postgres >/dev/null || SERVER_USER=nobody
	RUN_AS=(setpriv --reuid "$SERVER_USER" --regid "$(id -gn "$SERVER_USER")" --init-groups --pdeathsig INT)
	"${RUN_AS[@]}" test -x "$RECO_BUILD" 2>/dev/null && return 0

	# A checkout below a closed folder, such as /root: let that user read and pass through folders. Without the secure
	# bit access(2), by which initdb looks for its executables, would not heed the capability.
	for capability in +dac_read_search +dac_override; do
		extra=(--inh-caps "$capability" --ambient-caps "$capability" --securebits +no_setuid_fixup)
		if "${RUN_AS[@]}" "${extra[@]}" test -x "$RECO_BUILD" 2>/dev/null; then
			RUN_AS+=("${extra[@]}")
			return 0
		fi
	done
	die "the server must run as $SERVER_USER, who cannot enter $RECO_HOME:" \
		"open its parent folders (chmod a+x) or check out elsewhere"
}

# own_folder(path): an empty folder that belongs to the server's user
own_folder()
{
	rm -rf "$1"
	mkdir -p "$1"
	chmod 700 "$1"
	[[ $(id -u) -ne 0 ]] || chown "$SERVER_USER:" "$1"
}

# short_folder(path, room): sets SHORT to path as an own folder, or, if a socket in it would exceed the 107 bytes of a
# socket's path, to a folder under /tmp that is removed at the end. room: bytes needed after the path.
short_folder()
{
	SHORT=$1
	if ((${#SHORT} + $2 > 107)); then
		SHORT=$(mktemp -d /tmp/reco.XXXXXX)
		SCRATCH+=("$SHORT")
		[[ $(id -u) -ne 0 ]] || chown "$SERVER_USER:" "$SHORT"
	else
		own_folder "$SHORT"
	fi
}

# ---- the private tree ------------------------------------------------------------------------------------------------

# link_all(from, to): links every entry of a folder but our own extension's
link_all()
{
	local entry
	mkdir -p "$2"
	for entry in "$1"/*; do
		case ${entry##*/} in
			reco.* | reco_* | reco--*) ;;
			*) ln -s "$entry" "$2/" ;;
		esac
	done
}

# tree_build: makes build/pg if it is not there or of another version of the server
tree_build()
{
	local stamp program
	[[ -x $SYSTEM_BIN/postgres ]] || die "there is no $SYSTEM_BIN/postgres: run scripts/packages.sh as root"
	stamp=$(find "$SYSTEM_BIN" "$SYSTEM_LIB" "$SYSTEM_SHARE" -maxdepth 2 ! -name 'reco*' -printf '%p %s %T@\n' | sort | cksum)
	[[ -e $TREE/stamp && $(<"$TREE/stamp") == "$stamp" ]] && return 0
	rm -rf "$TREE"
	mkdir -p "$TREE_BIN"
	for program in "$SYSTEM_BIN"/*; do
		# copies, not links: an executable behind a link would find the system's folders
		cp -L "$program" "$TREE_BIN/"
	done
	link_all "$SYSTEM_LIB" "$TREE$SYSTEM_LIB"
	link_all "$SYSTEM_SHARE" "$TREE$SYSTEM_SHARE"
	rm "$TREE$SYSTEM_SHARE/extension"
	link_all "$SYSTEM_SHARE/extension" "$TREE$SYSTEM_SHARE/extension"
	printf '%s\n' "$stamp" >"$TREE/stamp"
}

# tree_install: builds the extension and installs it into the private tree. CC in the environment chooses the compiler.
tree_install()
{
	local jobs
	jobs=$(nproc 2>/dev/null || echo 2)
	make -s -C "$RECO_HOME" -j"$jobs" BUILD="$RECO_BUILD" PG_CONFIG="$SYSTEM_BIN/pg_config" ${CC:+CC="$CC"} all
	tree_build
	rm -f "$TREE$SYSTEM_SHARE"/extension/reco[.-]*
	make -s -C "$RECO_HOME" BUILD="$RECO_BUILD" PG_CONFIG="$SYSTEM_BIN/pg_config" DESTDIR="$TREE" install
}

# ---- the server ------------------------------------------------------------------------------------------------------

# cluster_start(name, [line of postgresql.conf ...]): initialises and starts a server under build/<name>, and exports
# PGHOST, PGPORT and PGUSER
cluster_start()
{
	local dir=$RECO_BUILD/$1 i
	shift
	SERVER_LOG=$dir/server.log
	own_folder "$dir"
	short_folder "$dir/socket" 14
	SERVER_SOCKET=$SHORT
	"${RUN_AS[@]}" "$TREE_BIN/initdb" -D "$dir/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
		>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; die "initdb failed"; }
	cat >>"$dir/data/postgresql.conf" <<-END
		listen_addresses = ''
		unix_socket_directories = '$SERVER_SOCKET'
		unix_socket_permissions = 0700
		port = 5432
		fsync = off
		synchronous_commit = off
		full_page_writes = off
		jit = off
		max_wal_size = 4GB
		log_line_prefix = '%m [%p] %q%a '
		log_timezone = 'UTC'
		timezone = 'UTC'
		lc_messages = 'C'
		$(printf '%s\n' "$@")
		${RECO_SERVER_SETTING:-}
	END
	"${RUN_AS[@]}" "${SERVER_COMMAND[@]}" "$TREE_BIN/postgres" -D "$dir/data" </dev/null >"$SERVER_LOG" 2>&1 &
	SERVER_PID=$!
	export PGHOST=$SERVER_SOCKET PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PATH=$TREE_BIN:$PATH
	for ((i = 0; i < 600; i++)); do
		if "$TREE_BIN/pg_isready" -q; then
			return 0
		fi
		kill -0 "$SERVER_PID" 2>/dev/null || break
		sleep 0.1
	done
	tail -20 "$SERVER_LOG" >&2
	die "the server did not start"
}

# stop_pid(pid): a fast shutdown, then an immediate one
stop_pid()
{
	local i
	kill -INT "$1" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		# the fast shutdown is asked for again, in case the first one came before the server listened for it
		((i != 20)) || kill -INT "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -QUIT "$1" 2>/dev/null || return 0
	sleep 1
	kill -KILL "$1" 2>/dev/null || return 0
}

cluster_stop()
{
	[[ -n $SERVER_PID ]] || return 0
	stop_pid "$SERVER_PID"
	wait "$SERVER_PID" 2>/dev/null || true
	SERVER_PID=
}

# stop_leftovers: stops every server whose data folder is under build/: those of TAP tests that were cut short
stop_leftovers()
{
	local file pid
	while IFS= read -r file; do
		pid=$(head -n 1 "$file" 2>/dev/null || true)
		if [[ $pid =~ ^[0-9]+$ && $(readlink "/proc/$pid/cwd" 2>/dev/null || true) == "${file%/postmaster.pid}" ]]; then
			stop_pid "$pid"
		fi
	done < <(find "$RECO_BUILD" -name postmaster.pid 2>/dev/null)
}

# ---- life of a script ------------------------------------------------------------------------------------------------

cleanup()
{
	local status=$?
	trap - EXIT
	trap '' INT TERM HUP
	if [[ -n $CHILD_PID ]]; then
		kill -TERM "$CHILD_PID" 2>/dev/null || true
	fi
	cluster_stop
	[[ -z $WATCHDOG_PID ]] || stop_leftovers
	if [[ ${#SCRATCH[@]} -gt 0 ]]; then
		rm -rf "${SCRATCH[@]}"
	fi
	if [[ -n $WATCHDOG_PID ]]; then
		kill -TERM "$WATCHDOG_PID" 2>/dev/null || true
		wait "$WATCHDOG_PID" 2>/dev/null || true
	fi
	if [[ $(type -t at_end || true) == function ]]; then
		at_end "$status"
	fi
	exit "$status"
}

# session_begin: to be called first. One run at a time in a build folder; whatever happens later, servers are stopped. A
# script that defines at_end(status) has it called last of all, and may exit from it with another status.
session_begin()
{
	local lock
	mkdir -p "$RECO_BUILD"
	exec {lock}>>"$RECO_BUILD/.lock"
	if ! flock -n "$lock"; then
		say "another run is using $RECO_BUILD: waiting for it (BUILD=build-other makes this one independent)"
		flock -w 1800 "$lock" || die "gave up waiting"
	fi
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	choose_user
	stop_leftovers
	# The watchdog inherits the lock and is then its only holder, so that it is freed when no server is left.
	(
		trap 'kill "$sleeper" 2>/dev/null; exit 0' TERM
		tail --pid=$$ -f /dev/null &
		sleeper=$!
		wait "$sleeper"
		stop_leftovers
	) </dev/null >/dev/null 2>&1 &
	WATCHDOG_PID=$!
	exec {lock}>&-
}

# attended(command ...): runs the command so that a signal to this script is acted upon at once
attended()
{
	local status=0
	"$@" &
	CHILD_PID=$!
	wait "$CHILD_PID" || status=$?
	CHILD_PID=
	return "$status"
}

# with_extension(name): the usual beginning: packages, build, private tree, server
with_extension()
{
	local name=$1
	shift
	"$RECO_HOME/scripts/packages.sh"
	session_begin
	tree_install
	cluster_start "$name" "$@"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	case ${1:-} in
		psql | run)
			mode=$1
			shift
			with_extension cluster
			psql -X -q -c 'CREATE EXTENSION reco' -c "ALTER DATABASE postgres SET search_path = \"\$user\", public, reco"
			status=0
			if [[ $mode == psql ]]; then
				psql "$@" || status=$?
			else
				attended "$@" || status=$?
			fi
			exit "$status"
			;;
		*)
			sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
			exit 2
			;;
	esac
fi
