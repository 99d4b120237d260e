-- SPDX-License-Identifier: MIT
-- netns.lab.script - a lab as a shell script of `ip`, `nft` and `tc`
--
-- The same operations as lab:up, written down. Run by sh as root (or in `unshare -Urnm` with a
-- /run/netns of its own) it builds the same lab under its nodes' names; nothing takes it down.

local operations = require "netns.operations"

local methods = {}

--- lab:script([options]) -> text. Options are those of lab:plan.
function methods:script(options)
	local out = {
		"#!/bin/sh",
		"# " .. (self.description.name or "lab") .. ": " .. #self.description.nodes .. " nodes, "
			.. #self.description.links .. " cables",
		"set -e",
	}
	for _, op in ipairs(self:plan(options)) do
		table.move(operations.lines(op), 1, 100, #out + 1, out)
	end
	out[#out + 1] = ""
	return table.concat(out, "\n")
end

return methods
