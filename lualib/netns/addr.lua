-- SPDX-License-Identifier: MIT
-- addr.lua - what `ns.addr` has beside the verbs: waiting for duplicate address detection.
local core = require "netns.core"

local INTERVAL = 0.01 -- s between two looks; detection itself takes about a second

local function has(flags, wanted)
	for _, flag in ipairs(flags) do
		if flag == wanted then
			return true
		end
	end
	return false
end

-- A tentative address cannot be used; one that is also optimistic can.
local function is_unsettled(entry)
	return has(entry.flags, "tentative") and not has(entry.flags, "optimistic")
		and not has(entry.flags, "dadfailed")
end

local addr_methods = {}

function addr_methods:settle(timeout)
	local deadline = core.deadline(timeout)
	while true do
		local waiting = false
		for _, entry in ipairs(core.collections.addr.list(self, { family = "inet6" })) do
			if has(entry.flags, "dadfailed") then
				core.raise {
					op = "addr settle", subject = entry.addr, code = "EADDRINUSE", attr = "addr",
					message = "duplicate address detection found it in use on " .. entry.dev,
				}
			end
			waiting = waiting or is_unsettled(entry)
		end
		if not waiting then
			return true
		end
		if deadline and core.clock() >= deadline then
			return nil, "timeout"
		end
		core.sleep(INTERVAL)
	end
end

for name, method in pairs(addr_methods) do
	core.collections.addr[name] = method
end
