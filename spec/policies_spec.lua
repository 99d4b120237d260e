-- SPDX-License-Identifier: MIT
-- policies_spec.lua - the policies in scripts/policies: each is proved, and its tempting mistake is
-- not
local netns = require "netns"
local support = require "spec.support"

-- What each prints: that all rows hold, and which row the mistake breaks.
local policies = {
	dmz = { "All 11 rows hold", " 0 survived",
		"FAILED  #%d+ +web %-> desk,internet,fw %* is isolated, but it was open" },
	tenants = { "All 6 rows hold", " 0 survived", "table ip.-FAILED  #%d+ +red1,red2 %-> blue1" },
	guests = { "All 6 rows hold", " 0 survived",
		"FAILED  #%d+ +guest1 %-> guest2 icmp,tcp/80,udp/53 is isolated, but it was open" },
	killswitch = { "All 3 rows hold", "The tunnel is cut:.-All 2 rows hold",
		"routes alone, the tunnel cut.-#%d+ +laptop %-> internet .- is isolated, but it was open" },
}

describe("scripts/policies/", function()
	for name, patterns in pairs(policies) do
		it(name .. ".lua holds, and shows what does not", function()
			if not require "netns.firewall".available() then
				pending("libnftables is not there")
			end
			local here <close> = netns.current()
			local out = here:exec { support.interpreter, "scripts/policies/" .. name .. ".lua" }.stdout
			for _, pattern in ipairs(patterns) do
				assert.truthy(out:find(pattern), pattern .. "\n" .. out)
			end
		end)
	end
end)
