-- SPDX-License-Identifier: MIT
-- namespaces.lua - making network namespaces
local netns = require "netns"

local function ours(size)
	local list = {}
	local start = netns.clock()
	for i = 1, size do
		list[i] = netns.new()
	end
	local elapsed = netns.clock() - start
	for _, ns in ipairs(list) do
		ns:close()
	end
	return elapsed * 1000
end

return {
	{ name = "%d anonymous namespaces", bar = 1.15, size = 1000, small = 3,
		floor = { "namespaces" }, ours = ours },
}
