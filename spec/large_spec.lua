-- SPDX-License-Identifier: MIT
-- large_spec.lua - scripts/large.lua, at a size that takes a moment
local netns = require "netns"
local support = require "spec.support"

local function run(...)
	local here <close> = netns.current()
	return here:exec { support.interpreter, "scripts/large.lua", check = false, ... }
end

describe("scripts/large.lua", function()
	it("joins switches, and the first host reaches the last one", function()
		local r = run("120", "50")
		assert.equal(0, r.code, r.stdout .. r.stderr)
		assert.matches("^120 hosts on 4 switches: up in %d+%.%d+ s, ", r.stdout)
		assert.matches("memory: %d+ kB a host, of which %d+ kB are this program's", r.stdout)
		assert.matches("ok      #1 h1%-1 %-> h3%-20 icmp,tcp/80 is open", r.stdout)
	end)

	it("says what it was not told right", function()
		for _, words in ipairs { { "x" }, { "1" }, { "10", "0" }, { "2000", "1025" } } do
			local r = run(table.unpack(words))
			assert.equal(2, r.code)
			assert.matches("^usage: ", r.stderr)
		end
	end)
end)
