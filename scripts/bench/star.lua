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

local function row(size, bar)
	return { name = "star of %d hosts, usable", bar = bar, size = size, small = 2, floor = { "star" },
		ours = ours }
end

return { row(10, 1.10), row(100, 1.10), row(1000, 1.05) }
