-- SPDX-License-Identifier: MIT
-- ospf_spec.lua - scripts/ospf.lua: running daemons as nodes, a lost cable, convergence
local netns = require "netns"
local support = require "spec.support"

describe("scripts/ospf.lua", function()
	it("converges, loses a cable, and converges again", function()
		local here <close> = netns.current()
		local r = here:exec { support.interpreter, "scripts/ospf.lua", check = false, timeout = 200 }
		if r.code == 77 then
			pending((r.stderr:gsub("\n", " ")))
		end
		assert.equal(0, r.code, r.stdout .. r.stderr)
		assert.truthy(r.stdout:find "The cable r1 %-%- r2 is cut; again after")
	end)
end)
