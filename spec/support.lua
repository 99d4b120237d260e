-- SPDX-License-Identifier: MIT
-- support.lua - what several specs need
local assert = require "luassert"
local lfs = require "lfs"
local netns = require "netns"

local support = {}

-- This very interpreter, to run scripts in another process.
support.interpreter = lfs.symlinkattributes("/proc/self/exe", "target")

-- f must raise a netns.error with that code and that field; returns it.
function support.refused(code, attr, f, ...)
	local ok, err = pcall(f, ...)
	assert.is_false(ok, "nothing was raised")
	assert.equal("netns.error", getmetatable(err) and getmetatable(err).__name, tostring(err))
	assert.equal(code, err.code, tostring(err))
	assert.equal(attr, err.attr, tostring(err))
	return err
end

function support.read(path)
	local file <close> = io.open(path)
	return file and file:read("a")
end

-- Are there others than root? An ordinary user's sandbox has no other.
support.knows_users =
	tonumber(support.read("/proc/self/uid_map"):match("^%s*0%s+%d+%s+(%d+)") or 0) > 65534

-- Does f come true within `seconds` (5 unless given)?
function support.eventually(f, seconds)
	local deadline = netns.clock() + (seconds or 5)
	while not f() do
		if netns.clock() > deadline then
			return false
		end
		netns.sleep(0.005)
	end
	return true
end

-- Is there such a program? For specs that try things with others' programs.
function support.has(program)
	for dir in (os.getenv "PATH" or ""):gmatch("[^:]+") do
		if lfs.attributes(dir .. "/" .. program, "mode") == "file" then
			return true
		end
	end
	return false
end

-- The build that this interpreter is of. NETNS_BUILD chooses another for what is loaded elsewhere.
local tree = lfs.currentdir()
support.build = tree .. "/" .. (os.getenv "NETNS_BUILD" or support.interpreter:match "/(build.*)/")

-- One of the programs of spec/hosts.
function support.host(name)
	local path = support.build .. "/hosts/" .. name
	assert(lfs.attributes(path), path .. " is not there: make hosts")
	return path
end

-- The environment in which another program's Lua finds the module: this tree's, or a copy's.
function support.module_env(copy)
	local lualib = (copy or tree) .. "/lualib/"
	return {
		LUA_PATH = lualib .. "?.lua;" .. lualib .. "?/init.lua;;",
		LUA_CPATH = (copy or support.build) .. "/?.so;;",
	}
end

-- Likewise for a program that was not built as the module was: the sanitizers' runtimes must be
-- loaded first, ASan's before UBSan's. The programs that it starts have them, too, and what those
-- leak is not our concern.
function support.plain_env(copy)
	local env, maps, list = support.module_env(copy), support.read "/proc/self/maps", {}
	for _, name in ipairs { "asan", "ubsan" } do
		list[#list + 1] = maps:match("/%S*/lib" .. name .. "%.so%S*")
	end
	if list[1] then
		env.LD_PRELOAD = table.concat(list, " ")
		env.ASAN_OPTIONS = "detect_leaks=0:exitcode=99"
	end
	return env
end

-- Makes a program an ordinary user's, as far as that can be had for sure: without capabilities, but
-- for the one that root needs to make a user namespace, and nobody else (Linux 5.12).
support.without_privilege = { "setpriv", "--bounding-set=-all,+setfcap", "--" }

-- Run a script in an interpreter of its own; `options` go before the script.
function support.script(text, options, spec)
	local argv = spec or {}
	table.insert(argv, support.interpreter)
	for _, option in ipairs(options or {}) do
		table.insert(argv, option)
	end
	table.insert(argv, "-")
	argv.stdin, argv.check = text, false
	return netns.current():exec(argv)
end

return support
