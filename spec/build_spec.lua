-- SPDX-License-Identifier: MIT
-- build_spec.lua - the promises of Makefile and scripts: exports, installing, asking first

local lfs = require "lfs"
local directories = require "spec.scratch"
local support = require "spec.support"

-- All output of a shell command, and its exit status.
local function shell(command, ...)
	local pipe = assert(io.popen("{ " .. command:format(...) .. "; } 2>&1; echo \" $?\""))
	local output = pipe:read("a")
	pipe:close()
	local text, status = output:match("^(.*) (%d+)\n$")
	return text, tonumber(status)
end

local places = {}

local function scratch()
	local place = directories.new()
	places[#places + 1] = place
	return place.path
end

after_each(function()
	while places[1] do
		table.remove(places):remove()
	end
end)

local function write(path, text, mode)
	local file <close> = assert(io.open(path, "w"))
	file:write(text)
	file:close()
	shell("chmod %s '%s'", mode or "644", path)
end

-- The lines of a command's output, in order.
local function lines(command, ...)
	local found = {}
	for line in shell(command, ...):gmatch("[^\n]+") do
		found[#found + 1] = line
	end
	table.sort(found)
	return found
end

local function modules()
	local found = {}
	for name in lfs.dir("build/netns") do
		if name:find("%.so$") then
			found[#found + 1] = name
		end
	end
	table.sort(found)
	return found
end

describe("the modules", function()
	it("export their luaopen function and nothing else", function()
		for _, name in ipairs(modules()) do
			local symbols = shell("nm -D --defined-only build/netns/%s", name)
			local names = {}
			for symbol in symbols:gmatch("%x+ %a (%S+)") do
				names[#names + 1] = symbol
			end
			assert.same({ "luaopen_netns_" .. name:match("(.*)%.so") }, names)
		end
	end)

	it("are in nslua, which shows no more of itself than they do", function()
		local names = {}
		for symbol in shell("nm -D --defined-only build/nslua"):gmatch("%x+ %a (%S+)") do
			-- what the linker puts into every program
			if not symbol:find("^_") and symbol ~= "data_start" then
				names[#names + 1] = symbol
			end
		end
		local expected = {}
		for _, name in ipairs(modules()) do
			expected[#expected + 1] = "luaopen_netns_" .. name:match("(.*)%.so")
		end
		assert.same(expected, names)
	end)

	it("bring no Lua of their own", function()
		for _, name in ipairs(modules()) do
			local needed = shell("readelf -d build/netns/%s", name)
			assert.truthy(needed:find("NEEDED"), needed)
			assert.falsy(needed:find("liblua"), needed)
		end
	end)
end)

describe("make", function()
	it("keeps the user's flags and adds its own", function()
		local text, status = shell(
			"make -n B=build/elsewhere V=1 CFLAGS=-Dmine LDFLAGS=-Wl,-mine build/elsewhere/nslua"
		)
		assert.equal(0, status, text)
		assert.truthy(text:find("-fvisibility=hidden[^\n]* %-Dmine[^\n]* %-c "), text)
		assert.truthy(text:find("-z,now[^\n]* %-Dmine %-Wl,%-mine %-o build/elsewhere/nslua"), text)
	end)

	it("needs nothing of libedit where that is missing", function()
		local dir = scratch()
		local object = dir .. "/src/nslua/line.o"
		local make = ("make B='%s' WITH_EDITLINE=0"):format(dir)
		local text, status = shell("%s -n V=1 '%s/nslua'", make, dir)
		assert.equal(0, status, text)
		assert.falsy(text:find("%-ledit") or text:find("src/nslua/edit/"), text)
		text, status = shell("%s -s WERROR=1 '%s' && nm -u '%s'", make, object, object)
		assert.equal(0, status, text)
		assert.truthy(text:find "getdelim", text)
		assert.falsy(text:find "edit_", text)
	end)

	it("builds all the rest without what is optional, and that says what is missing", function()
		local dir = scratch()
		local without = "WITH_NFTABLES=0 WITH_SECCOMP=0 WITH_EDITLINE=0"
		local text, status = shell("make -s B='%s' %s WERROR=1 CFLAGS=-O0 all", dir, without)
		assert.equal(0, status, text)
		for _, file in ipairs { "netns/core.so", "nslua" } do
			local needed = shell("readelf -d '%s/%s'", dir, file)
			assert.truthy(needed:find "libmnl", needed)
			assert.falsy(needed:find "nftables" or needed:find "seccomp" or needed:find "edit", needed)
		end
		write(dir .. "/try.lua", [[
			local ns = require "netns".new()
			local ok, err = pcall(ns.exec, ns, { "true", seccomp = "default" })
			print(ok, err.code, err.attr, err.message, err.hint)
			ok, err = pcall(function() return ns.nft end)
			print(ok, err.code, err.hint)
			print(ns:exec({ "echo", "works" }).stdout)
		]])
		local paths = "LUA_PATH='lualib/?.lua;lualib/?/init.lua' LUA_CPATH="
		text, status = shell("%s '%s/nslua' '%s/try.lua'", paths, dir, dir)
		assert.equal(0, status, text)
		assert.truthy(text:find("^false\tEOPNOTSUPP\tseccomp\t[^\n]*without libseccomp\t\z
			[^\n]*libseccomp%-dev[^\n]*make deps"), text)
		assert.truthy(text:find("\nfalse\tEOPNOTSUPP\t[^\n]*libnftables[^\n]*\nworks\n"), text)
	end)

	it("looks for packages once", function()
		for goal, program in pairs { demo = "scripts/lesson.lua", ["test-here"] = "scripts/test here" } do
			local text, status = shell("make -n %s", goal)
			assert.equal(0, status, text)
			assert.truthy(text:find(program, 1, true), text)
			assert.falsy(text:find("scripts/deps", 1, true), text)
		end
	end)

	it("installs below DESTDIR what runs from there, and removes just that", function()
		local dir = scratch()
		local text, status = shell("make install DESTDIR='%s'", dir)
		assert.equal(0, status, text)
		local bin, lua = "/usr/local/bin", "/usr/local/share/lua/5.4/"
		local expected = { bin .. "/nslua", "/usr/local/share/man/man1/nslua.1" }
		for _, name in ipairs(modules()) do
			table.insert(expected, "/usr/local/lib/lua/5.4/netns/" .. name)
		end
		for _, file in ipairs(lines "cd lualib && find * -type f") do
			table.insert(expected, lua .. file)
		end
		table.sort(expected)
		assert.same(expected, lines("cd '%s' && find . -type f | sed 's/^.//'", dir))

		text, status = shell([[cd / && env -u LUA_PATH -u LUA_CPATH '%s%s/nslua' -e '
			print((require "netns".new()), package.searchpath("netns", package.path))']], dir, bin)
		assert.equal(0, status, text)
		assert.truthy(text:find("^netns.ns"), text)
		assert.equal(dir .. lua .. "netns/init.lua", text:match("\t(.*)\n$"))

		write(dir .. lua .. "netns/other.lua", "")
		text, status = shell("make uninstall DESTDIR='%s'", dir)
		assert.equal(0, status, text)
		assert.same({ lua .. "netns/other.lua" }, lines("cd '%s' && find . -type f | sed 's/^.//'", dir))
		assert.same({ lua .. "netns" }, lines("cd '%s' && find . -name netns | sed 's/^.//'", dir))
	end)

	it("tells nslua where it installs", function()
		local text, status = shell("make -n V=1 install-nslua INST_BINDIR=/b INST_LUADIR=/there/lua")
		assert.equal(0, status, text)
		assert.truthy(text:find("NETNS_LUADIR='\"/there/lua\"' [^\n]*src/nslua/library.c\n"), text)
		assert.truthy(text:find("build/nslua '/b'", 1, true), text)
	end)

	it("installs where LuaRocks wants it", function()
		local text, status = shell("make -n install-modules INST_LIBDIR=/rocks/c INST_LUADIR=/rocks/lua")
		assert.equal(0, status, text)
		assert.truthy(text:find("build/netns/core.so[^\n]* '/rocks/c/netns'"), text)
		assert.truthy(text:find('"/rocks/lua/$f"', 1, true), text)
	end)
end)

describe("the rock", function()
	local rockspec = {}
	assert(loadfile("rockspec/netns-scm-1.rockspec", "t", rockspec))()

	it("needs nothing but Lua, and sets what the Makefile knows", function()
		assert.same({ "lua >= 5.4, < 5.5" }, rockspec.dependencies)
		local makefile = support.read "Makefile" .. support.read "scripts/deps"
		for name in pairs(rockspec.build.variables) do
			assert.truthy(makefile:find("\n" .. name .. " [?:]?=") or makefile:find("$(" .. name, 1, true)
				or makefile:find("${" .. name .. ":=}", 1, true), name)
		end
		for goal in rockspec.build.install_target:gmatch("%S+") do
			assert.truthy(makefile:find("\n" .. goal .. ":", 1, true), goal)
		end
	end)

	it("is built offline, has the tree's modules, and works from its own tree", function()
		if not support.has "luarocks" then
			pending("luarocks is not installed")
			return
		elseif support.build:find "/build/" then
			pending("LuaRocks builds without sanitizers: the plain runs of the specs do it")
			return
		end
		local dir = scratch()
		shell("cp -R Makefile lualib scripts src rockspec '%s'", dir)
		local rocks = ("cd '%s' && HOME='%s' MAKEFLAGS= luarocks --lua-version 5.4 --tree tree "):format(
			dir, dir)
		local text, status = shell(rocks .. "make CFLAGS='-O0 -fPIC'")
		assert.equal(0, status, text)
		assert.falsy(text:find("unmatched variable", 1, true), text)

		local expected = {}
		for _, file in ipairs(lines "cd lualib && find * -name '*.lua'") do
			table.insert(expected, (file:gsub("%.lua$", ""):gsub("/", ".")))
		end
		for _, name in ipairs(modules()) do
			table.insert(expected, "netns." .. name:match("(.*)%.so"))
		end
		table.sort(expected)
		assert.same(expected, lines(rocks .. "show --modules netns"))

		local try = [['print((require "netns".new()), package.searchpath("netns", package.path))']]
		local here = "eval \"$(" .. rocks .. "path)\" && cd / && "
		for command, from in pairs {
			[here .. "lua5.4 -e " .. try] = dir .. "/tree/share/lua/5.4/netns/init.lua";
			["cd / && env -u LUA_PATH -u LUA_CPATH '" .. dir .. "/tree/bin/nslua' -e " .. try] =
				dir .. "/tree/share/lua/5.4/netns/init.lua";
		} do
			text, status = shell("%s", command)
			assert.equal(0, status, text)
			assert.equal(from, text:match("^netns.ns %(%d+%)\t(.*)\n$"), text)
		end
		local symbols = shell("nm -D --defined-only '%s/tree/lib/lua/5.4/netns/core.so'", dir)
		assert.truthy(symbols:find("^%x+ T luaopen_netns_core\n$"), symbols)
	end)
end)

describe("the manual page", function()
	it("knows the options that --help shows", function()
		local page = support.read "src/nslua/nslua.1"
		local help = shell("build/nslua --help")
		local known = 0
		for dashes, name in help:gmatch("\n  (%-%-?)(%w+)") do
			local written = dashes == "--" and "Fl %-" .. name or "Fl [%w]*" .. name
			assert.truthy(page:find(written), name)
			known = known + 1
		end
		assert.truthy(known >= 10, help)
	end)
end)

describe("scripts/deps", function()
	local lacking = "PKG_CONFIG=/nonexistent scripts/deps need build"

	it("is silent when all is there", function()
		local missing = shell("scripts/deps list build test"):match "no (%S+)"
		if missing then -- an optional one, which who may not install goes without
			pending(missing .. " is not there")
		end
		assert.same({ "", 0 }, { shell("NO_INSTALL=1 scripts/deps need build test") })
	end)

	it("shows one line and stops when it may not install", function()
		local text, status = shell("NO_INSTALL=1 %s </dev/null", lacking)
		assert.equal(2, status)
		assert.truthy(text:find("Missing for build: pkg%-config lua%.h libmnl"), text)
		local shown = select(2, text:gsub("\n    %S[^\n]* install [^\n]*pkg%-config", ""))
		assert.equal(1, shown, text)
	end)

	it("goes on without what is optional", function()
		local dir = scratch()
		local wrapper = dir .. "/pkg-config"
		write(wrapper, [[#!/bin/sh
			case "$*" in *libnftables* | *libseccomp* | *libedit*) exit 1; esac
			exec pkg-config "$@"
		]], "755")
		local text, status = shell("NO_INSTALL=1 PKG_CONFIG='%s' scripts/deps need build", wrapper)
		assert.equal(0, status, text)
		assert.truthy(text:find("libnftables"), text)
		assert.truthy(text:find("libedit"), text)
		text = shell("PKG_CONFIG='%s' scripts/deps config", wrapper)
		assert.truthy(text:find("WITH_NFTABLES ?= 0", 1, true), text)
		assert.truthy(text:find("WITH_SECCOMP ?= 0", 1, true), text)
		assert.truthy(text:find("WITH_EDITLINE ?= 0", 1, true), text)
	end)

	-- An ordinary user's machine that lacks something which apt-get installs: a function that runs a
	-- command there and returns its output, its status, and what was installed.
	local function machine(may_sudo)
		local dir = scratch()
		local function program(name, text)
			write(dir .. "/" .. name, "#!/bin/sh\n" .. text .. "\n", "755")
		end
		local function real(name)
			return shell("command -v %s", name):match("[^\n]+")
		end
		program("id", ("[ \"$1\" = -u ] && echo 1000 || exec %s \"$@\""):format(real "id"))
		program("pkg-config", ("[ -e '%s/installed' ] && exec %s \"$@\"; exit 1"):format(dir,
			real "pkg-config"))
		program("apt-get", ("[ $1 = install ] && echo \"$*\" >'%s/installed'; true"):format(dir))
		-- -n: never asks for a password
		program("sudo", ("[ $1 = -n ] && { [ %s = true ] || exit 1; shift; }; exec \"$@\""):format(
			may_sudo))
		return function(command)
			local text, status = shell("PATH='%s':$PATH %s", dir, command)
			return text:gsub("\r", ""), status, support.read(dir .. "/installed")
		end
	end

	local line = "apt%-get install %-y %-%-no%-install%-recommends "

	it("installs at once where sudo -n works", function()
		local text, status, installed = machine(true)("scripts/deps need build </dev/null")
		assert.equal(0, status, text)
		assert.truthy(text:find("\n%+ sudo %-n " .. line), text)
		assert.truthy(installed:find("^install [^\n]*liblua5.4%-dev [^\n]*pkg%-config"), installed)
	end)

	it("asks on a terminal where it does not", function()
		if not support.has "script" then
			pending("script (bsdutils) is not installed")
			return
		end
		for answer, yes in pairs { [""] = true, y = true, n = false } do
			local text, status, installed = machine(false)(
				"sh -c 'echo " .. answer .. " | script -qec \"scripts/deps need build\" /dev/null'")
			assert.truthy(text:find("\n    sudo [^\n]*" .. line), text)
			assert.truthy(text:find("Run this now? [Y/n]", 1, true), text)
			assert.equal(yes and 0 or 2, status, text)
			assert.equal(yes, installed ~= nil, text)
		end
	end)

	it("never installs, nor asks, otherwise", function()
		for _, command in ipairs {
			"scripts/deps need build </dev/null",
			support.has "script" and "NO_INSTALL=1 script -qec 'scripts/deps need build' /dev/null"
				or nil,
		} do
			local text, status, installed = machine(false)(command)
			assert.equal(2, status, text)
			assert.truthy(text:find("\n    sudo [^\n]*" .. line), text)
			assert.falsy(text:find("Run this now", 1, true), text)
			assert.is_nil(installed)
		end
		local text, status, installed = machine(true)("NO_INSTALL=1 scripts/deps need build")
		assert.equal(2, status, text)
		assert.is_nil(installed)
	end)
end)

describe("scripts/test", function()
	-- A busted that prints a closing line and ends with a status.
	local function total(line, status)
		local dir = scratch()
		write(dir .. "/busted-5.4", ("#!/bin/sh\necho '%s'\nexit %d\n"):format(line, status), "755")
		local text, code = shell("PATH='%s':$PATH scripts/test here </dev/null", dir)
		return text:match("([^\n]*)\n$"), code
	end

	it("sums up in one closing line", function()
		assert.same({ "7 passed, 0 failed, 2 skipped", 0 },
			{ total("7 successes / 0 failures / 0 errors / 2 pending : 0.1 seconds", 0) })
		assert.same({ "1 passed, 3 failed, 0 skipped", 1 },
			{ total("1 success / 1 failure / 2 errors / 0 pending : 0.1 seconds", 1) })
	end)

	it("does not pass a run of nothing, without a result, or with a status", function()
		assert.same({ "0 passed, 1 failed, 0 skipped", 1 },
			{ total("0 successes / 0 failures / 0 errors / 0 pending : 0.1 seconds", 0) })
		assert.same({ "0 passed, 1 failed, 0 skipped", 1 }, { total("killed", 137) })
		assert.same({ "3 passed, 1 failed, 0 skipped", 1 },
			{ total("3 successes / 0 failures / 0 errors / 0 pending : 0.1 seconds", 1) })
	end)
end)
