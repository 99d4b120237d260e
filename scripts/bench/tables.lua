-- SPDX-License-Identifier: MIT
-- tables.lua - many things of one namespace: put there as one array, and listed
local netns = require "netns"

local interpreter = ...

local function dotted(i)
	return ("11.%d.%d.%d"):format(i >> 16, i >> 8 & 255, i & 255)
end

-- The specs of things of a kind; a link x is there, with its peer y, both up.
local specs = {}

function specs.route(i)
	return { dst = dotted(i), dev = "x" }
end

function specs.addr(i)
	return { addr = dotted(i) .. "/32", dev = "x" }
end

function specs.link(i)
	if i % 2 == 0 and i > 2 then
		return { name = "x" .. i, kind = "veth", peer = { name = "y" .. i } }
	end
end

-- A namespace, and what is to be put there.
local function prepare(object, size)
	local ns, list = netns.new(), {}
	ns.link:add { name = "x", kind = "veth", up = true, peer = { name = "y", up = true } }
	for i = 1, size do
		list[#list + 1] = specs[object](i)
	end
	return ns, list
end

local function load(size)
	local ns <close>, routes = prepare("route", size)
	local start = netns.clock()
	ns.route:add(routes)
	return (netns.clock() - start) * 1000
end

local function lister(object, filter)
	return function(size)
		local ns <close>, list = prepare(object, size)
		ns[object]:add(list)
		local start = netns.clock()
		local found = ns[object]:list(filter)
		local took = (netns.clock() - start) * 1000
		assert(#found >= size)
		return took
	end
end

-- A process of its own says how much memory it has at most, from just before the listing on.
local memory = [[
	local netns = require "netns"
	local function resident(key)
		for line in io.lines "/proc/self/status" do
			local kilobytes = line:match("^" .. key .. ":%s+(%d+)")
			if kilobytes then
				return kilobytes / 1024
			end
		end
	end
	local ns <close>, routes = netns.new(), {}
	ns.link:add { name = "x", kind = "veth", up = true, peer = { name = "y", up = true } }
	for i = 1, SIZE do
		routes[#routes + 1] = { dst = ("11.%d.%d.%d"):format(i >> 16, i >> 8 & 255, i & 255), dev = "x" }
		if #routes == 1000 or i == SIZE then
			ns.route:add(routes)
			routes = {}
		end
	end
	collectgarbage()
	collectgarbage()
	local before, lua = resident "VmRSS", collectgarbage "count"
	assert(io.open("/proc/self/clear_refs", "w")):write("5"):close()
	local found = ns.route:list { family = "inet" }
	local peak = resident "VmHWM"
	collectgarbage()
	print(("%.0f MB at most above what it had, %.0f bytes a route; its tables are %.0f MB"):format(
		peak - before, (peak - before) * 2^20 / #found, (collectgarbage "count" - lua) / 1024))
]]

local function peak(size)
	local script = memory:gsub("SIZE", tostring(size))
	return (netns.current():exec({ interpreter, "-", stdin = script }).stdout:gsub("%s+$", ""))
end

return {
	{ name = "%d routes as one array", bar = 1.3, size = 10000, small = 4,
		floor = { "tables", "load" }, ours = load },
	{ name = "%d routes into Lua tables", bar = 3, size = 100000, small = 4,
		floor = { "tables", "routes" }, ours = lister("route", { family = "inet" }) },
	{ name = "%d addresses into Lua tables", bar = 3, size = 10000, small = 4,
		floor = { "tables", "addrs" }, ours = lister("addr", { family = "inet" }) },
	{ name = "%d links into Lua tables", bar = 3, size = 1000, small = 4,
		floor = { "tables", "links" }, ours = lister("link", nil) },
	{ name = "peak memory of a listing of %d routes", size = 100000, small = 40, report = peak },
}
