-- SPDX-License-Identifier: MIT
-- link.lua - what `ns.link` has beside the verbs: waiting until a link is so.
local core = require "netns.core"

local link_methods = {}

local function misuse(attr, ...)
	core.raise {
		op = "link wait", attr = attr, code = "EINVAL", message = string.format(...), misuse = true,
	}
end

function link_methods:wait(name, filter, timeout)
	local ns, list = core.home(self, "link", "wait"), core.collections.link.list
	local wanted = { name = name }
	if type(name) ~= "string" then
		misuse("name", "string expected, got %s", type(name))
	elseif filter ~= nil and type(filter) ~= "table" then
		misuse("filter", "table expected, got %s", type(filter))
	end
	for key, value in next, filter or wanted do
		if key == "name" and value ~= name then
			misuse("name", "it is said twice, and not the same")
		end
		wanted[key] = value
	end
	local deadline = core.deadline(timeout)
	local monitor <close> = ns:monitor { "link" }
	while true do
		local link = list(self, wanted)[1]
		if link then
			return link
		end
		repeat -- until it may be otherwise
			local left = deadline and math.max(0, deadline - core.clock())
			local event, why = monitor:read(left)
			if not event then
				return nil, why
			end
		until event.action == "lost" or event.entry.name == name
	end
end

for name, method in pairs(link_methods) do
	core.collections.link[name] = method
end
