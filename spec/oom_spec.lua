-- SPDX-License-Identifier: MIT
-- oom_spec.lua - when memory runs out, at whichever allocation, nothing is left behind
--
-- spec/hosts/oom.c makes every call of spec/hosts/oom_cases.lua with room for 0, 1, 2 ...
-- allocations. NETNS_OOM=all leaves no point out, and gives each a Lua state of its own.

local netns = require "netns"
local support = require "spec.support"

-- As who; the second one's namespaces live in a user namespace of their own.
local prefixes = { {}, support.without_privilege }

local function start(prefix)
	local argv = table.move(prefix, 1, #prefix, 1, {})
	argv[#argv + 1] = support.host "oom"
	argv[#argv + 1] = "spec/hosts/oom_cases.lua"
	argv[#argv + 1] = os.getenv "NETNS_OOM" == "all" and "--all" or nil
	argv.env, argv.stdout, argv.timeout = support.module_env(), "capture", 1000
	return netns.current():spawn(argv)
end

describe("out of memory", function()
	it("every call fails cleanly, or succeeds", function()
		local a <close> = start(prefixes[1])
		local b <close> = start(prefixes[2])
		for _, process in ipairs { a, b } do
			local result = process:wait()
			assert.equal(0, result.code, result.stdout)
			local points = 0
			for n in result.stdout:gmatch ": (%d+) points" do
				points = points + n
			end
			assert.is_true(points > 1000, result.stdout)
		end
	end)
end)
