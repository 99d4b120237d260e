-- SPDX-License-Identifier: MIT
-- star.lua - hosts on one switch, from the script's first line to the last ack
local lab = require "netns.lab"
local netns = require "netns"

local function ours(size)
	local start = netns.clock()
	local net <close> = lab.star(size)
	net:up()
	return (netns.clock() - start) * 1000
end

return {
	{ name = "star of %d hosts, usable", bar = 1.10, size = 10, small = 2, floor = { "star" },
		ours = ours },
	{ name = "star of %d hosts, usable", bar = 1.10, size = 100, small = 2, floor = { "star" },
		ours = ours },
	{ name = "star of %d hosts, usable", bar = 1.05, size = 1000, small = 2, floor = { "star" },
		ours = ours },
}
