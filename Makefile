# SPDX-License-Identifier: MIT
# Makefile - builds netns and nslua, and runs what proves them; `make help` names the targets
#
# What this machine has is found once, by scripts/deps, and kept in build/config.mk; `make deps` looks again. CC, CPPFLAGS, CFLAGS and
# LDFLAGS belong to the user: the project's own flags come before them, in variables of their own. LUA_INCDIR, LUA_LIBDIR and LIBFLAG are
# as LuaRocks gives them. SANITIZE=1 builds a second tree, SANITIZE=thread a third; B names another place.

PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
LIBFLAG ?= -shared
PREFIX ?= /usr/local
LUA_V ?= 5.4
INST_BINDIR ?= $(PREFIX)/bin
INST_LIBDIR ?= $(PREFIX)/lib/lua/$(LUA_V)
INST_LUADIR ?= $(PREFIX)/share/lua/$(LUA_V)
INST_MANDIR ?= $(PREFIX)/share/man
INSTALL ?= install
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

export CC PKG_CONFIG PREFIX V NO_INSTALL

# 1. Where things are

B := build$(if $(filter 1,$(SANITIZE)),/asan)$(if $(filter thread,$(SANITIZE)),/tsan)
CORE_SRC := $(sort $(wildcard src/lua/*.c src/netlink/*.c src/namespace/*.c src/packet/*.c))
NFT_SRC := $(sort $(wildcard src/nft/*.c))
NSLUA_SRC := $(sort $(wildcard src/nslua/*.c))
BENCH_SRC := $(sort $(filter-out scripts/bench/floor.c,$(wildcard scripts/bench/*.c)))
EDIT_SRC := $(sort $(wildcard src/nslua/edit/*.c))
LUA_FILES := $(sort $(shell find lualib -name '*.lua' 2>/dev/null))
HOST_SRC := $(sort $(wildcard spec/hosts/*.c))
FUZZ_SRC := $(sort $(wildcard spec/fuzz/*.c))
FUZZ := decode conversation text encode
SUITE := $(patsubst %,$(B)/spec/fuzz-%,$(FUZZ) dump roundtrip)
objects = $(patsubst %.c,$(B)/%.o,$(1))

# 2. What the machine has: LUA_CFLAGS, LUA_LIBS, MNL_CFLAGS, MNL_LIBS, WITH_NFTABLES, NFT_CFLAGS, NFT_LIBS, WITH_SECCOMP,
# SECCOMP_CFLAGS, SECCOMP_LIBS, WITH_EDITLINE, EDIT_CFLAGS, EDIT_LIBS

GOALS := $(or $(MAKECMDGOALS),all)
GROUPS := build $(if $(filter test test-% soak,$(GOALS)),test) $(if $(filter lint,$(GOALS)),lint)
ifneq ($(filter-out clean deps doctor help format fuzz uninstall,$(GOALS)),)
# There, but out of date: make is then silent about it until it is found out.
$(shell mkdir -p build; [ -e build/config.mk ] || touch -t 197001020000 build/config.mk)
include build/config.mk
endif
ifdef LUA_INCDIR
LUA_CFLAGS := -I$(LUA_INCDIR)
endif

# 3. Flags

SECCOMP_IN := $(filter 1,$(WITH_SECCOMP))
OWN_CPPFLAGS := -D_GNU_SOURCE $(LUA_CFLAGS) $(MNL_CFLAGS) $(NFT_CFLAGS) $(if $(SECCOMP_IN),-DWITH_SECCOMP $(SECCOMP_CFLAGS))
OWN_CFLAGS := -std=gnu11 -fPIC -fvisibility=hidden -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
# Rows of tables leave out what is zero.
OWN_CFLAGS += -Wno-missing-field-initializers
OWN_LDFLAGS := -Wl,-z,now
ifeq ($(WERROR),1)
OWN_CFLAGS += -Werror
endif
ifeq ($(SANITIZE),1)
OWN_CFLAGS += -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OWN_LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(SANITIZE),thread)
OWN_CFLAGS += -O1 -g -fsanitize=thread
OWN_LDFLAGS += -fsanitize=thread
endif
NFT_IN := $(if $(filter 1,$(WITH_NFTABLES)),$(NFT_SRC))
CORE_LIBS := $(MNL_LIBS) $(if $(SECCOMP_IN),$(SECCOMP_LIBS)) -lm -ldl
EDIT_IN := $(if $(filter 1,$(WITH_EDITLINE)),$(EDIT_SRC))
NSLUA_CPPFLAGS := $(if $(NFT_IN),-DWITH_NFTABLES) $(if $(EDIT_IN),-DWITH_EDITLINE $(EDIT_CFLAGS))

HOSTS := $(HOST_SRC:spec/hosts/%.c=$(B)/hosts/%)
MODULES := $(if $(CORE_SRC),$(B)/netns/core.so) $(if $(NFT_IN),$(B)/netns/nft.so)
PROGRAMS := $(if $(NSLUA_SRC),$(B)/nslua)

# 4. Building

.PHONY: all modules
all: $(MODULES) $(PROGRAMS)
modules: $(MODULES)

# A failed look leaves nothing, so that the next make looks again. Only goals that promise everything may install packages.
build/config.mk: Makefile scripts/deps
	@mkdir -p build
	@NO_INSTALL=$(if $(filter demo test test-% soak lint,$(GOALS)),$(NO_INSTALL),1) scripts/deps need $(GROUPS)
	@scripts/deps config >$@.new && mv $@.new $@

# Rewritten only when what they hold changes; then what depends on it is compiled anew.
flags = $(CC) $(OWN_CPPFLAGS) $(NSLUA_CPPFLAGS) $(CPPFLAGS) $(OWN_CFLAGS) $(CFLAGS)
$(B)/flags: holds = $(flags)
$(B)/luadir: holds = $(INST_LUADIR)
$(B)/flags $(B)/luadir: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = '$(holds)' ] || printf '%s\n' '$(holds)' >$@

.PHONY: FORCE
FORCE:

$(B)/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OWN_CPPFLAGS) $(MORE_CPPFLAGS) $(CPPFLAGS) $(OWN_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(call objects,$(NSLUA_SRC) $(EDIT_SRC)): MORE_CPPFLAGS := $(NSLUA_CPPFLAGS) -DNETNS_LUADIR='"$(INST_LUADIR)"'
$(B)/src/nslua/library.o: $(B)/luadir

# The modules take Lua from the program that loads them: no liblua here, and undefined symbols are as they should be.
$(B)/netns/core.so: $(call objects,$(CORE_SRC))
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIBFLAG) $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

$(B)/netns/nft.so: $(call objects,$(NFT_SRC))
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIBFLAG) $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(NFT_LIBS) $(MNL_LIBS)

# -E: the C modules of others take Lua from nslua.
$(B)/nslua: $(call objects,$(NSLUA_SRC) $(EDIT_IN) $(CORE_SRC) $(NFT_IN))
	$(call say,LD,$@)
	$(Q)$(CC) -Wl,-E $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(if $(NFT_IN),$(NFT_LIBS)) $(if $(EDIT_IN),$(EDIT_LIBS)) \
		$(CORE_LIBS) $(LUA_LIBS)

# The programs in C that specs let load the module.
.PHONY: hosts
hosts: modules $(HOSTS)

.SECONDARY: $(call objects,$(HOST_SRC))

$(B)/hosts/%: $(B)/spec/hosts/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $< $(LUA_LIBS)

# The floors that `make bench` measures against: a program for each case.
BENCH := $(BENCH_SRC:scripts/%.c=$(B)/%)
$(BENCH): $(B)/%: $(B)/scripts/%.o $(B)/scripts/bench/floor.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(MNL_LIBS)

# What specs run: each fuzz target with a plain driver, the program that makes their seeds (spec/fuzz/fuzz.h), and the one that reads what it writes.
.PHONY: suite
suite: hosts floors $(SUITE)

$(SUITE): $(B)/spec/fuzz-%: $(B)/spec/fuzz/%.o $(call objects,spec/fuzz/fuzz.c $(CORE_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS) $(LUA_LIBS)

$(FUZZ:%=$(B)/spec/fuzz-%): $(B)/spec/fuzz/driver.o

# The same with libFuzzer; scripts/fuzz says with which compiler and flags.
.PHONY: fuzzers
fuzzers: $(FUZZ:%=$(B)/fuzz-%)

$(FUZZ:%=$(B)/fuzz-%): $(B)/fuzz-%: $(B)/spec/fuzz/%.o $(call objects,spec/fuzz/fuzz.c $(CORE_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) -fsanitize=fuzzer $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS) $(LUA_LIBS)

-include $(patsubst %.o,%.d,$(call objects,$(CORE_SRC) $(NFT_SRC) $(NSLUA_SRC) $(EDIT_SRC) $(HOST_SRC) $(BENCH_SRC) scripts/bench/floor.c $(FUZZ_SRC)))

.PHONY: asan floors
asan:
	+@$(MAKE) --no-print-directory SANITIZE=1 all suite

floors: $(BENCH)

# 5. Running

.PHONY: demo deps doctor
demo: all
	@build/nslua scripts/lesson.lua

deps:
	@rm -f build/config.mk build/deps-*
	@scripts/deps need build test

doctor:
	@scripts/doctor

# 6. Proving. scripts/test takes the names of runs; the calling user's own comes first.

.PHONY: test test-here test-root test-user test-asan test-tsan test-kernels
test: build/deps-test all suite
	+@scripts/test all

test-here: build/deps-test all suite
	@scripts/test here

test-root: build/deps-test all suite
	@scripts/test root

test-user: build/deps-test all suite
	@scripts/test user

test-asan: build/deps-test asan
	@scripts/test asan

test-tsan: build/deps-test all
	+@scripts/test tsan

# What the suite only samples: kills and faults at every system call, a thousand at random, a thousand builds.
.PHONY: soak
soak: build/deps-test all suite
	@SOAK=1 FILES=spec/soak_spec.lua TEST_TIMEOUT=$${TEST_TIMEOUT:-86400} scripts/test here $$([ "$$(id -u)" != 0 ] || echo user)

# KERNELS: versions; RUNS, FILES, MEMORY as scripts/test-kernels has them
test-kernels: build/deps-test build/deps-kernels all suite
	@scripts/test-kernels $(KERNELS)

build/deps-test build/deps-lint build/deps-kernels: build/deps-%: scripts/deps | build/config.mk
	@scripts/deps need $*
	@touch $@

.PHONY: lint format bench fuzz
lint: build/deps-lint
	+@scripts/lint

format:
	@scripts/format

# BENCH_FLAGS: --rounds N, --small, names of cases
bench: all floors
	@build/nslua scripts/bench.lua $(BENCH_FLAGS)

fuzz:
	+@scripts/fuzz $(or $(TIME),60) $(TARGETS)

# 7. Installing: what LuaRocks deploys is the modules and nslua

.PHONY: install install-modules install-nslua install-man uninstall
install: install-modules install-nslua install-man

install-modules: $(MODULES)
	$(INSTALL) -d '$(DESTDIR)$(INST_LIBDIR)/netns'
	$(INSTALL) -m 755 $(MODULES) '$(DESTDIR)$(INST_LIBDIR)/netns'
	@for f in $(LUA_FILES:lualib/%=%); do \
		$(INSTALL) -d "$(DESTDIR)$(INST_LUADIR)/$$(dirname $$f)" && \
		$(INSTALL) -m 644 "lualib/$$f" "$(DESTDIR)$(INST_LUADIR)/$$f" || exit; \
	done

install-nslua: $(PROGRAMS)
	$(INSTALL) -d '$(DESTDIR)$(INST_BINDIR)'
	$(INSTALL) -m 755 $(PROGRAMS) '$(DESTDIR)$(INST_BINDIR)'

install-man:
	$(INSTALL) -d '$(DESTDIR)$(INST_MANDIR)/man1'
	$(INSTALL) -m 644 src/nslua/nslua.1 '$(DESTDIR)$(INST_MANDIR)/man1'

# The files that this tree would install, and the folders that are empty then.
uninstall:
	rm -f '$(DESTDIR)$(INST_BINDIR)/nslua' '$(DESTDIR)$(INST_MANDIR)/man1/nslua.1'
	rm -f '$(DESTDIR)$(INST_LIBDIR)/netns/core.so' '$(DESTDIR)$(INST_LIBDIR)/netns/nft.so'
	@for f in $(LUA_FILES:lualib/%=%); do rm -f "$(DESTDIR)$(INST_LUADIR)/$$f"; done
	@cd lualib && find . -mindepth 1 -depth -type d | while read -r dir; do \
		rmdir "$(DESTDIR)$(INST_LUADIR)/$$dir" 2>/dev/null; done; \
	rmdir '$(DESTDIR)$(INST_LIBDIR)/netns' 2>/dev/null || true

# 8. The rest

.PHONY: clean help
clean:
	rm -rf build

help:
	@echo 'make demo       everything that is needed, then the lesson on network namespaces (scripts/lesson.lua)'
	@echo 'make test       everything that is needed, then all specs: as this user, unprivileged, with sanitizers'
	@echo 'make            build/nslua, build/netns/core.so and, with libnftables, build/netns/nft.so'
	@echo 'make deps       find and install what building and testing need; NO_INSTALL=1 only says what is missing'
	@echo 'make doctor     what is installed, and which features the kernel has'
	@echo 'make test-here  test-root test-user test-asan test-tsan: one run of the specs; FILES="spec/x_spec.lua" chooses'
	@echo 'make soak       kills and faults at every system call, as this user and unprivileged; SOAK_KILLS=100, SOAK_INSTANTS,'
	@echo '                SOAK_FAULTS and SOAK_BUILDS bound how many'
	@echo 'make test-kernels'
	@echo '                the specs on stock Debian kernels under QEMU; KERNELS="6.1 6.12" RUNS="here user" FILES=... choose'
	@echo 'make lint       everything that is needed, then what finds faults without running anything; zero findings'
	@echo 'make format     change what `make lint` says about the layout of C'
	@echo 'make bench      measure against programs in C'
	@echo 'make fuzz       libFuzzer on what reads netlink and text; TIME=60 for each of TARGETS="decode conversation text encode"'
	@echo 'make modules    without nslua; make asan: build/asan, with ASan and UBSan; make suite: programs that specs run'
	@echo 'make install    PREFIX DESTDIR, or INST_BINDIR INST_LIBDIR INST_LUADIR INST_MANDIR; parts: install-modules, -nslua, -man'
	@echo 'make uninstall  the same files, with the same variables'
	@echo 'make clean      removes build/. V=1 shows commands, WERROR=1 makes warnings errors'
