-- SPDX-License-Identifier: MIT
-- netns-scm-1.rockspec - from the tree: luarocks --lua-version 5.4 make
--
-- The Makefile builds it: a list of modules could neither hide what is not luaopen_*, nor leave
-- netns.nft out where libnftables is not there, nor make nslua. So pkg-config is needed, too.

rockspec_format = "3.0"
package = "netns"
version = "scm-1"

-- `make` fetches nothing; for `luarocks build` and `install` this has to say where the tree is.
source = { url = "git+file:///path/to/netns" }

description = {
	summary = "Build network namespaces from Lua, and prove isolation",
	detailed = [[
		Makes network namespaces, links, addresses, routes, firewalls and processes from Lua, and tells
		whether a packet gets from one place to another - and if not, why not. With nslua, an
		interpreter that does so for any user, in a sandbox that leaves nothing behind.]],
	license = "MIT",
}

supported_platforms = { "linux" }

-- None is needed but Lua itself.
dependencies = { "lua >= 5.4, < 5.5" }

external_dependencies = {
	LIBMNL = { header = "libmnl/libmnl.h", library = "mnl" },
}

build = {
	type = "make",
	variables = {
		-- apart from what `make` builds
		B = "build/rock",
		CFLAGS = "$(CFLAGS)",
		LIBFLAG = "$(LIBFLAG)",
		LUA_INCDIR = "$(LUA_INCDIR)",
		-- for nslua, where pkg-config does not know Lua
		LUA_LIBDIR = "$(LUA_DIR)/lib",
		MNL_CFLAGS = "-I$(LIBMNL_INCDIR)",
		MNL_LIBS = "-L$(LIBMNL_LIBDIR) -lmnl",
		INST_BINDIR = "$(BINDIR)",
		INST_LIBDIR = "$(LIBDIR)",
		INST_LUADIR = "$(LUADIR)",
	},
	install_target = "install-modules install-nslua",
}
