-- SPDX-License-Identifier: MIT
-- netns.lab.features - what a layout asks of the kernel, and whether it is there
--
-- Asked before anything is built, and only for what the layout uses.

local core = require "netns.core"
local impairment = require "netns.lab.impairment"
local netns = require "netns"

local function uses(layout, what)
	for _, ends in ipairs(layout.cables) do
		if what(ends[1].link) then
			return true
		end
	end
	return false
end

--- Plan options that fit this kernel; raises with all that it lacks, each with the script's line.
--- Errors call it `doing`.
local function check(layout, doing)
	local options, lacking = {}, {}
	if uses(layout, impairment.wanted) then
		options.netem, options.netem_why = netns.supports("qdisc", "netem")
	end
	for _, ends in ipairs(layout.cables) do
		local link = ends[1].link
		local missing = impairment.missing(link, options)
		if missing then
			lacking[#lacking + 1] = ("%s: %s"):format(link.from, missing)
		end
	end
	if #lacking > 0 then
		core.raise { op = doing, code = "EOPNOTSUPP", message = table.concat(lacking, "\n\t") }
	end
	return options
end

return { check = check }
