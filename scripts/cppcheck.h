/*
 * cppcheck.h
 *	  What cppcheck is told of PostgreSQL, whose own headers stay out of its reach: which macros disappear, and that
 *	  raising an error does not return.
 */
#define PG_FUNCTION_INFO_V1(function)
#define PG_MODULE_MAGIC
#define PGDLLEXPORT
#define PGDLLIMPORT
#define pg_noinline
#define PG_VERSION_NUM 180000
#define pg_noreturn __attribute__((noreturn))
#define DEBUG1 14
#define LOG 15
#define INFO 17
#define NOTICE 18
#define WARNING 19
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define PG_TRY() {
#define PG_CATCH() } {
#define PG_FINALLY() } {
#define PG_END_TRY() }
#define PG_RE_THROW() abort()
