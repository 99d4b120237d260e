-- SPDX-License-Identifier: MIT
-- netns.lab.running - the lab as it stands in the kernel, for what can only be asked of that
--
-- What was added to the description of a lab that is up is built by lab:apply(). Until then an
-- answer would be about another lab than the one described, so there is none.

local core = require "netns.core"

local function refuse(op, subject, message, hint)
	core.raise { op = op, subject = subject, code = "ENOTCONN", message = message, hint = hint }
end

--- lab.running; raises unless the lab is up, and all that it describes is built.
local function running(lab, op)
	local now, description = lab.running, lab.description
	if not now then
		refuse(op, description.name, "lab is not up", "call lab:up() first")
	end
	for _, node in ipairs(description.nodes) do
		if not now.namespaces[node.name] then
			refuse(op, node.name, "it is described, but not built yet", "call lab:apply()")
		end
	end
	if #description.links ~= #now.layout.cables then
		refuse(op, description.name, "a cable is described, but not built yet", "call lab:apply()")
	end
	return now
end

return { running = running, refuse = refuse }
