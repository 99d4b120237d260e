-- SPDX-License-Identifier: MIT
-- routes.lua - many routes of one namespace: put there as one array, and listed
local netns = require "netns"

-- A namespace with a link that is up, and the routes to put there.
local function prepare(size)
	local ns, routes = netns.new(), {}
	ns.link:add { name = "x", kind = "veth", up = true, peer = { name = "y", up = true } }
	for i = 1, size do
		routes[i] = { dst = ("11.%d.%d.%d"):format(i >> 16, i >> 8 & 255, i & 255), dev = "x" }
	end
	return ns, routes
end

local function load(size)
	local ns <close>, routes = prepare(size)
	local start = netns.clock()
	ns.route:add(routes)
	return (netns.clock() - start) * 1000
end

local function list(size)
	local ns <close>, routes = prepare(size)
	ns.route:add(routes)
	local start = netns.clock()
	local listed = ns.route:list { family = "inet" }
	local took = (netns.clock() - start) * 1000
	assert(#listed == size)
	return took
end

return {
	{ name = "%d routes as one array", bar = 1.3, size = 10000, small = 3,
		floor = { "routes", "load" }, ours = load },
	{ name = "%d routes into Lua tables", bar = 3, size = 100000, small = 3,
		floor = { "routes", "list" }, ours = list },
}
