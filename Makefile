# reco: recommendations with reasons, inside PostgreSQL
#
#   make            build reco.so and reco_blas.so under build/
#   make install    install them (DESTDIR and PG_CONFIG are honoured)
#   make check      all tests, in a throwaway cluster        TESTS="a b" runs only these tests
#   make installcheck   the pg_regress tests, in a running server that has it installed (PGHOST, PGPORT, PGUSER: a superuser)
#   make check-matrix   all tests on every server version to be had, gcc and clang (scripts/matrix.sh)
#   make coverage   lines of src that make check reaches (lcov)
#   make soak, fuzz, sqlsmith SECONDS=600, make sanitize   the slow suites (test/MATRIX.md)
#   make dist       an archive of the last commit, as for PGXN
#   make demo       the guided tour, in a throwaway cluster  DATA=folder runs it on the files of that folder
#   make bench-train DATA=folder   seconds, GFLOP/s and quality of learning on the files of a folder (bench/README.md)
#   make lint       arrows between the rooms, formatting, cppcheck
#   make clean      remove build/
#
# Everything that is made lands under $(BUILD). Two people who work in one checkout at the same time give
# themselves a folder each: make check BUILD=build-ann.

BUILD ?= build

# check, demo and lint prepare the machine themselves, so they must work where there is no pg_config yet: they are
# kept apart from the goals that need PGXS.
DRIVER_GOALS = check check-matrix coverage soak fuzz sqlsmith sanitize dist demo bench-train lint packages
GOALS := $(or $(MAKECMDGOALS),all)

ifneq ($(filter $(DRIVER_GOALS),$(GOALS)),)

export BUILD
.NOTPARALLEL:
.PHONY: $(GOALS)

check:
	@TESTS='$(TESTS)' scripts/check.sh
check-matrix:
	@TESTS='$(TESTS)' scripts/matrix.sh $(MATRIX)
coverage:
	@TESTS='$(TESTS)' scripts/coverage.sh
soak:
	@scripts/soak.sh $(SECONDS)
fuzz:
	@scripts/fuzz.sh $(SECONDS)
sqlsmith:
	@scripts/sqlsmith.sh $(SECONDS)
sanitize:
	@scripts/sanitize.sh
dist:
	@scripts/dist.sh
demo:
	@DATA='$(DATA)' scripts/demo.sh
bench-train:
	@bench/train.sh '$(DATA)' $(FACTORS)
lint:
	@scripts/lint.sh
packages:
	@scripts/packages.sh

ifneq ($(filter-out $(DRIVER_GOALS),$(GOALS)),)
$(filter-out $(DRIVER_GOALS),$(GOALS)):
	@$(MAKE) --no-print-directory $@
endif

else

EXTENSION = reco
DATA = $(wildcard sql/*.sql)

# Two libraries. reco.so is what a backend loads; reco_blas.so holds the code that needs BLAS and is loaded only when a
# backend learns, so that a backend which only serves never maps OpenBLAS.
MODULES = $(BUILD)/reco $(BUILD)/reco_blas

BLAS_SOURCES = $(wildcard src/kernel/eigh.c src/kernel/als*.c src/kernel/small.c src/kernel/ease.c src/kernel/graph.c src/model/blas_module.c)
SOURCES = $(filter-out $(BLAS_SOURCES),$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c)))

RECO_OBJS = $(SOURCES:%.c=$(BUILD)/obj/%.o)
BLAS_OBJS = $(BLAS_SOURCES:%.c=$(BUILD)/obj/%.o)
KERNEL_OBJS = $(filter $(BUILD)/obj/src/kernel/%,$(RECO_OBJS) $(BLAS_OBJS))
# Kernels that both libraries need: reco_blas.so must not depend on the symbols that reco.so exports.
SHARED_OBJS = $(filter $(BUILD)/obj/src/kernel/%,$(RECO_OBJS))

# The serial flavour of OpenBLAS starts no thread when it is loaded. RUNPATH makes the loader prefer it to the system's
# default flavour.
MULTIARCH ?= $(shell gcc -print-multiarch)
OPENBLAS_DIR ?= /usr/lib/$(MULTIARCH)/openblas-serial
OPENBLAS_INCLUDE ?= /usr/include/$(MULTIARCH)/openblas-serial

# Same input, same bytes: no contraction to fused multiply-add, no -ffast-math, no -march=native.
# -Wno-unused-parameter: PG_FUNCTION_ARGS and the server's callbacks have parameters that not everybody needs.
# -Wno-declaration-after-statement: PostgreSQL's own rule, not that of C11.
PG_CFLAGS = -std=gnu11 -ffp-contract=off -Wall -Wextra -Werror -Wno-unused-parameter -Wno-declaration-after-statement
# -Wno-pass-failed: a loop that clang chose not to unroll is its own affair.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-pass-failed -Wmissing-variable-declarations -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-unused-command-line-argument
endif

override with_llvm = no

# pg_regress looks for expected results where it puts its own first, and that is under $(BUILD).
REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_PREP = expected-results
REGRESS_OPTS = --inputdir=test --outputdir=$(BUILD)/installcheck --load-extension=reco --encoding=UTF8

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(PGXS),)
ifneq ($(GOALS),clean)
$(error $(PG_CONFIG) was not found: install postgresql-server-dev-15, run "make packages" as root, or name it with PG_CONFIG=)
endif
clean: clean-reco
else
include $(PGXS)
endif

# PostgreSQL's headers are system headers here, so that our warnings are about our code.
override CPPFLAGS := -Isrc $(subst -I/,-isystem /,$(filter-out -I. -I./,$(CPPFLAGS)))

# The kernels know nothing of PostgreSQL: no header of it is within their reach. -O3 for their loops.
$(KERNEL_OBJS): override CPPFLAGS := -Isrc -D_GNU_SOURCE
$(KERNEL_OBJS): override CFLAGS += -O3
$(BLAS_OBJS): override CPPFLAGS += -isystem $(OPENBLAS_INCLUDE)

$(RECO_OBJS) $(BLAS_OBJS): $(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# Nothing is exported but what SQL and the server call by name: no symbol may meet that of another extension.
EXPORTS = -Wl,--version-script=$(BUILD)/exports.map

$(BUILD)/exports.map: $(SOURCES) $(BLAS_SOURCES) Makefile
	@mkdir -p $(@D)
	{ echo '{ global: _PG_init; Pg_magic_func;'; \
		sed -nE 's/^PG_FUNCTION_INFO_V1\((reco_[a-z_0-9]+)\);.*/\1; pg_finfo_\1;/p; s/^PGDLLEXPORT .*[ *](reco_[a-z_0-9]+)\(.*/\1;/p' $(SOURCES) $(BLAS_SOURCES); \
		echo 'local: *; };'; } >$@

$(BUILD)/reco$(DLSUFFIX): $(RECO_OBJS) $(BUILD)/exports.map
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -o $@ $(filter %.o,$^) $(LDFLAGS) $(LDFLAGS_SL) $(EXPORTS) -lm

$(BUILD)/reco_blas$(DLSUFFIX): $(BLAS_OBJS) $(SHARED_OBJS) $(BUILD)/exports.map
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -o $@ $(filter %.o,$^) $(LDFLAGS) $(LDFLAGS_SL) $(EXPORTS) \
		-L$(OPENBLAS_DIR) -lopenblas -Wl,-rpath,$(OPENBLAS_DIR) -Wl,--enable-new-dtags -lm

-include $(RECO_OBJS:.o=.d) $(BLAS_OBJS:.o=.d)

# PGXS looks for the libraries to uninstall under the path they were built at; they are installed without it.
.PHONY: uninstall-reco clean-reco expected-results
expected-results:
	@mkdir -p $(BUILD)/installcheck
	@ln -sfn $(CURDIR)/expected $(BUILD)/installcheck/expected

uninstall: uninstall-reco
uninstall-reco:
	rm -f $(patsubst %,'$(DESTDIR)$(pkglibdir)/%$(DLSUFFIX)',$(notdir $(MODULES)))

clean: clean-reco
clean-reco:
	rm -rf $(BUILD)
	$(if $(wildcard test/kernel/Makefile),$(MAKE) --no-print-directory -C test/kernel clean)

endif
