-- SPDX-License-Identifier: MIT
-- exec.lua - running a program in a namespace and reading its output
local netns = require "netns"

local function ours(size)
	local ns <close> = netns.new()
	ns:exec { "/bin/true" } -- the floor's namespace has been entered before, too
	local start = netns.clock()
	for _ = 1, size do
		ns:exec { "/bin/true" }
	end
	return (netns.clock() - start) * 1000
end

-- A child that is a copy of us would be slow in proportion to what we hold.
local function with_heap(size)
	local heap = {}
	for i = 1, 200 do
		heap[i] = (" "):rep(1 << 20)
	end
	local elapsed = ours(size)
	assert(#heap == 200) -- it was there all the time
	return elapsed
end

return {
	{ name = "ns:exec { \"/bin/true\" }, output captured, %d times", bar = 1.2, size = 300, small = 3,
		floor = { "exec" }, ours = ours },
	{ name = "the same with 200 MB in the Lua heap", bar = 1.2, size = 300, small = 3,
		floor = { "exec" }, ours = with_heap },
}
