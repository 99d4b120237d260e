-- SPDX-License-Identifier: MIT
-- helper.lua - a test that leaks fails
--
-- Before and after each test, and each file, what this process owns in the kernel is listed; what
-- is there afterwards and was not before is a leak. busted counts it as an error of the test's
-- after_each, with the test's name in the text. The lists are read from /proc in plain Lua: a
-- check that used netns itself would share its mistakes.

local busted = require "busted"
local fallback = require "spec.fallback"
local lfs = require "lfs"

-- A process just killed takes a moment to go, and so does what it held.
local GRACE = tonumber(os.getenv("NETNS_LEAK_GRACE")) or 1

local function read(path)
	local file = io.open(path)
	if not file then
		return ""
	end
	local text = file:read("a") or ""
	file:close()
	return text
end

local function entries(path)
	local ok, next_entry, dir = pcall(lfs.dir, path)
	if not ok then
		return function() end
	end
	return function()
		local name
		repeat
			name = next_entry(dir)
		until name ~= "." and name ~= ".."
		return name
	end
end

local function target(path)
	return (lfs.symlinkattributes(path, "target"))
end

-- All processes of the sandbox are ours; on the machine itself only what descends from us is.
local in_sandbox = read("/proc/1/comm") == "nslua-init\n"

local list = {}

function list.descriptor(add)
	for fd in entries("/proc/self/fd") do
		local to = target("/proc/self/fd/" .. fd)
		if to and not to:find("^/proc/%d+/fd$") then
			add(fd .. " -> " .. to)
		end
	end
end

function list.process(add)
	local self = tonumber(read("/proc/self/stat"):match("^%d+"))
	local stats = {}
	for pid in entries("/proc") do
		local name, state, parent = read("/proc/" .. pid .. "/stat"):match("^%d+ (%b()) (%a) (%d+)")
		if name and tonumber(pid) then
			stats[tonumber(pid)] = { name = name, state = state, parent = tonumber(parent) }
		end
	end
	local function is_ours(pid)
		local stat = stats[pid]
		return stat and (in_sandbox or stat.parent == self or is_ours(stat.parent))
	end
	for pid, stat in pairs(stats) do
		if pid ~= self and is_ours(pid) then
			add(("%d %s%s"):format(pid, stat.name, stat.state == "Z" and " not waited for" or ""))
		end
	end
end

function list.namespace(add)
	for name in entries("/proc/thread-self/ns") do
		add(tostring(target("/proc/thread-self/ns/" .. name)) .. " as " .. name)
	end
end

function list.mount(add)
	local mounts = read("/proc/thread-self/mountinfo")
	for id, path, kind in mounts:gmatch("(%d+) %d+ %S+ %S+ (%S+)[^\n]- %- (%S+)[^\n]*") do
		-- the first name ever added makes /run/netns a mount, as `ip netns` does, and leaves it one
		if in_sandbox and path ~= "/run/netns" then
			add(("%s (%s, %s)"):format(path, kind, id))
		end
	end
end

list["name in /run/netns"] = function(add)
	for name in entries(in_sandbox and "/run/netns" or "/nonexistent") do
		add(name)
	end
end

list["link in the caller's namespace"] = function(add)
	for name in read("/proc/thread-self/net/dev"):gmatch("([^%s:]+):") do
		if in_sandbox and not fallback[name] then
			add(name)
		end
	end
end

list["working directory"] = function(add)
	add(tostring(lfs.currentdir()))
end

-- "state" as /proc/PID/status spells it.
function list.state(add)
	local status = read("/proc/thread-self/status")
	for _, key in ipairs {
		"Umask", "SigBlk", "SigIgn", "Uid", "Gid", "Groups", "CapPrm", "CapEff", "NoNewPrivs",
		"Seccomp", "Threads",
	} do
		add(key .. " " .. tostring(status:match("\n" .. key .. ":%s*([^\n]*)")))
	end
end

local function snapshot()
	local now = {}
	for what, each in pairs(list) do
		each(function(text)
			now[what .. " " .. text] = true
		end)
	end
	return now
end

local reported = {}

local function leaks(before)
	local found = {}
	for text in pairs(snapshot()) do
		if not before[text] and not reported[text] then
			found[#found + 1] = text
		end
	end
	table.sort(found)
	return found
end

-- Raises if something is there that was not there before.
local function compare(before, who)
	-- twice: what the first one finalizes may hold what the second one frees
	collectgarbage()
	collectgarbage()
	local deadline = busted.monotime() + GRACE
	local found = leaks(before)
	while #found > 0 and busted.monotime() < deadline do
		busted.sleep(0.01)
		collectgarbage()
		found = leaks(before)
	end
	for _, text in ipairs(found) do
		reported[text] = true
	end
	if #found > 0 then
		error(who .. " leaked:\n\t" .. table.concat(found, "\n\t"), 0)
	end
end

local function full_name(element)
	local names = {}
	while element and element.name do
		table.insert(names, 1, element.name)
		element = busted.parent(element)
	end
	return table.concat(names, " ")
end

-- The sanitizers' run collects without a pause, so that what is freed too early is seen. With a
-- smaller step it would take minutes.
if os.getenv("NETNS_GC") == "aggressive" then
	collectgarbage("incremental", 100, 200, 6)
end

local before_test, before_file, test

busted.before_each(function()
	before_test = snapshot()
	test = nil
end)

busted.subscribe({ "test", "start" }, function(element)
	test = element
	return nil, true
end)

-- Registered first, so it runs after every other after_each.
busted.after_each(function()
	compare(before_test, test and full_name(test) or "before_each")
end)

busted.subscribe({ "file", "start" }, function()
	before_file = snapshot()
	return nil, true
end)

busted.subscribe({ "file", "end" }, function(element)
	compare(before_file, element.name .. ", outside its tests,")
	return nil, true
end)
