-- SPDX-License-Identifier: MIT
-- netns.proof.acquaint - tells hosts beforehand which link-layer addresses the others have
--
-- Theory. Who asks a neighbour for the first time broadcasts, and a switch gives that to everybody:
-- all pairs of a hundred hosts are half a million frames of ARP, and more neighbours than the
-- machine's table has room for. Permanent entries take no room there, and who has one does not ask.
-- But what stops ARP or neighbour discovery is not seen then, so this is done only for an asker who
-- wants it, and the report says so. What is told is what the receiver's kernel says of its link,
-- about those on the same segment; what somebody knows already stays as it is. The entries carry a
-- mark (their protocol, as routes have one), by which they are found again and taken back.
local core = require "netns.core"
local ways = require "netns.proof.way"

local MARK = 110

--- The node's own interface on a segment, or false.
local function on_segment(node, segment)
	for _, interface in ipairs(node.interfaces) do
		if interface.segment == segment then
			return interface
		end
	end
	return false
end

--- A function that keeps what f returned for each key; f never returns nil.
local function remembered(f)
	local known = {}
	return function(key)
		local value = known[key]
		if value == nil then
			value = f(key)
			known[key] = value
		end
		return value
	end
end

--- Of each question of a job whose ends share a segment: visit(from, own, to, theirs, family), the
--- namespaces and their interfaces there.
local function each_pair(job, visit)
	local segments_of = remembered(function(name)
		return remembered(function(segment)
			return on_segment(job.layout.nodes[name], segment)
		end)
	end)
	for _, q in ipairs(job.questions) do
		local theirs = ways.owner(job.layout, q.addr)
		if theirs and theirs.segment and theirs.node.name == q.names.to then
			local own = segments_of(q.names.from)(theirs.segment)
			if own and own.address[q.family] then
				visit(q.from, own, q.to, theirs, q.family)
			end
		end
	end
end

--- What there is to tell: { [namespace] = entries }; and then who knows whom of the others:
--- { [namespace] = { [namespace] = true } }.
local function collect(jobs)
	local entries, known, told = {}, {}, {}
	for _, job in ipairs(jobs) do
		local mac_of = remembered(function(interface)
			local link = job.lab.running.namespaces[interface.node.name].link:get(interface.name)
			return link and link.mac or false
		end)
		local function tell(ns, own, other, theirs, family)
			entries[ns], known[ns], told[ns] = entries[ns] or {}, known[ns] or {}, told[ns] or {}
			local families = told[ns][theirs] or {}
			told[ns][theirs] = families
			if families[family] or not mac_of(theirs) then
				return
			end
			families[family], known[ns][other] = true, true
			table.insert(entries[ns], { dev = own.name, dst = theirs.address[family]:address(),
				lladdr = mac_of(theirs), state = "permanent", proto = MARK })
		end
		each_pair(job, function(from, own, to, theirs, family)
			tell(from, own, to, theirs, family)
			tell(to, theirs, from, own, family)
		end)
	end
	return entries, known
end

--- Those of the entries of which the namespace knows nothing yet.
local function unknown(ns, entries)
	local have, out = {}, {}
	for _, entry in ipairs(ns.neigh:list()) do
		have[entry.dst .. " " .. entry.dev] = true
	end
	for _, entry in ipairs(next(have) and entries or {}) do
		out[#out + 1] = not have[entry.dst .. " " .. entry.dev] and entry or nil
	end
	return next(have) and out or entries
end

--- Tell everybody at whom the jobs' questions begin or end. The handle has who is known to whom,
--- and takes everything back when it is closed.
local function acquaint(jobs)
	local entries, known = collect(jobs)
	local memory, places = core.neighbours(), {}
	local handle = setmetatable({ known = known }, { __close = function()
		memory:remove(places, MARK)
	end })
	local told, e = pcall(function()
		for ns, list in next, entries do
			places[#places + 1] = ns
			ns.neigh:add(unknown(ns, list))
		end
	end)
	if not told then
		memory:remove(places, MARK)
		error(e, 0)
	end
	return handle
end

return { acquaint = acquaint }
