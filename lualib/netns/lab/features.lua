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

--- Why a bridge of this kernel cannot tell VLANs apart; nil when it can.
local function lacks_vlans()
	local fresh <close> = netns.new()
	local made, e = pcall(fresh.link.add, fresh.link,
		{ name = "b", kind = "bridge", data = { vlan_filtering = true } })
	if not made then
		return "a VLAN needs a kernel with CONFIG_BRIDGE_VLAN_FILTERING: " .. tostring(e.message)
	end
end

--- Plan options that fit this kernel; raises with all that it lacks, each with the script's line.
--- Errors call it `doing`.
local function check(layout, doing)
	local options, lacking = {}, {}
	if uses(layout, impairment.wanted) then
		options.netem, options.netem_why = netns.supports("qdisc", "netem")
	end
	local no_vlans = next(layout.vlans) and lacks_vlans()
	for _, ends in ipairs(layout.cables) do
		local link = ends[1].link
		local missing = impairment.missing(link, options) or link.vlan and no_vlans
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
