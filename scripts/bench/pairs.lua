-- SPDX-License-Identifier: MIT
-- pairs.lua - veth pairs between two namespaces, one after the other
local netns = require "netns"

local function ours(size)
	local a <close> = netns.new()
	local b <close> = netns.new()
	for _, ns in ipairs { a, b } do
		ns.link:get "lo" -- the floor's sockets are open, too
	end
	local start = netns.clock()
	for i = 1, size do
		local x, y = i >> 8, i & 255
		a.link:add {
			name = "a" .. i, kind = "veth", up = true,
			peer = { name = "b" .. i, netns = b, up = true },
		}
		a.addr:add { dev = "a" .. i, addr = ("10.%d.%d.1/24"):format(x, y) }
		b.addr:add { dev = "b" .. i, addr = ("10.%d.%d.2/24"):format(x, y) }
	end
	return (netns.clock() - start) * 1000
end

return {
	{ name = "one veth pair, both ends addressed and up, %d times", bar = 1.25, size = 300, small = 3,
		floor = { "pairs" }, ours = ours },
}
