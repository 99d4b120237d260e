-- SPDX-License-Identifier: MIT
-- build_spec.lua - the promises of Makefile and scripts: exports, installing, asking first

local lfs = require "lfs"

-- All output of a shell command, and its exit status.
local function shell(command, ...)
	local pipe = assert(io.popen("{ " .. command:format(...) .. "; } 2>&1; echo \" $?\""))
	local output = pipe:read("a")
	pipe:close()
	local text, status = output:match("^(.*) (%d+)\n$")
	return text, tonumber(status)
end

local function scratch()
	local dir = os.tmpname()
	os.remove(dir)
	assert(lfs.mkdir(dir))
	finally(function()
		shell("rm -rf '%s'", dir)
	end)
	return dir
end

local function modules()
	local found = {}
	for name in lfs.dir("build/netns") do
		if name:find("%.so$") then
			found[#found + 1] = name
		end
	end
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

	it("installs below DESTDIR what runs from there", function()
		local dir = scratch()
		local text, status = shell("make install DESTDIR='%s'", dir)
		assert.equal(0, status, text)
		local bin, lua = dir .. "/usr/local/bin", dir .. "/usr/local/share/lua/5.4"
		local path = lua .. "/?.lua;" .. lua .. "/?/init.lua"
		text, status = shell([[cd / && LUA_PATH='%s' '%s/nslua' -e 'print((require "netns".new()))']],
			path, bin)
		assert.equal(0, status, text)
		assert.truthy(text:find("^netns.ns"), text)
		for file in shell("cd lualib && find . -name '*.lua'"):gmatch("%./(%S+)") do
			assert.equal("file", lfs.attributes(lua .. "/" .. file, "mode"), file)
		end
	end)

	it("installs where LuaRocks wants it", function()
		local text, status = shell("make -n install-modules INST_LIBDIR=/rocks/c INST_LUADIR=/rocks/lua")
		assert.equal(0, status, text)
		assert.truthy(text:find("build/netns/core.so[^\n]* '/rocks/c/netns'"), text)
		assert.truthy(text:find('"/rocks/lua/$f"', 1, true), text)
	end)
end)

describe("scripts/deps", function()
	local lacking = "PKG_CONFIG=/nonexistent scripts/deps need build"

	it("is silent when all is there", function()
		assert.same({ "", 0 }, { shell("scripts/deps need build test") })
	end)

	it("shows one line and stops when it may not install", function()
		local text, status = shell("NO_INSTALL=1 %s </dev/null", lacking)
		assert.equal(2, status)
		assert.truthy(text:find("Missing for build: pkg%-config lua%.h libmnl"), text)
		local lines = select(2, text:gsub("\n    %S[^\n]* install [^\n]*pkg%-config", ""))
		assert.equal(1, lines, text)
	end)

	it("goes on without what is optional", function()
		local dir = scratch()
		local wrapper = dir .. "/pkg-config"
		local file <close> = assert(io.open(wrapper, "w"))
		file:write('#!/bin/sh\ncase "$*" in *libnftables*) exit 1; esac\nexec pkg-config "$@"\n')
		file:close()
		shell("chmod +x '%s'", wrapper)
		local text, status = shell("NO_INSTALL=1 PKG_CONFIG='%s' scripts/deps need build", wrapper)
		assert.equal(0, status, text)
		assert.truthy(text:find("libnftables"), text)
		text = shell("PKG_CONFIG='%s' scripts/deps config", wrapper)
		assert.truthy(text:find("WITH_NFTABLES ?= 0", 1, true), text)
	end)
end)

describe("scripts/test", function()
	-- A busted that prints a closing line and ends with a status.
	local function total(line, status)
		local dir = scratch()
		local file <close> = assert(io.open(dir .. "/busted-5.4", "w"))
		file:write("#!/bin/sh\necho '", line, "'\nexit ", status, "\n")
		file:close()
		shell("chmod +x '%s/busted-5.4'", dir)
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
