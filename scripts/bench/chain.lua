-- SPDX-License-Identifier: MIT
-- chain.lua - routers in a row, each with a route to every cable
local lab = require "netns.lab"
local netns = require "netns"

local function ours(size)
	local start = netns.clock()
	local net <close> = lab.new { pools = { inet6 = false } }
	for i = 1, size do
		net:router("r" .. i)
	end
	for i = 2, size do
		net:link("r" .. i - 1, "r" .. i)
	end
	net:up()
	return (netns.clock() - start) * 1000
end

return {
	{ name = "chain of %d routers with all routes, usable", bar = 1.15, size = 100, small = 3,
		floor = { "chain" }, ours = ours },
}
