-- SPDX-License-Identifier: MIT
-- netns.proof.rows - a truth table -> the questions that decide it
--
-- A row says { from, to, what, expected, family, size }. Lists and "*" stand for many nodes, "*" as
-- `what` for ICMP and every port that the table names. Each row becomes an array of questions;
-- questions that several rows share are asked once. A pure function of the table and of what the
-- caller knows of nodes and addresses.

local core = require "netns.core"
local layer2 = require "netns.proof.layer2"
local verdict = require "netns.proof.verdict"

local families = { "inet", "inet6" }
local only = { inet = { "inet" }, inet6 = { "inet6" } }
local none = {}
local row_keys = { [1] = true, [2] = true, [3] = true, [4] = true, family = true, size = true }
local sizes = { least = 64, most = 9216 }

local function misuse(index, attr, message, ...)
	core.raise { op = "lab check", attr = attr, index = index, message = message:format(...),
		code = "EINVAL", misuse = true }
end

--- "tcp/80" -> "tcp", 80; "icmp" -> "icmp"; with `link`, "arp" and the like too; nil for neither.
local function parse_what(what, link)
	if what == "icmp" or link and layer2.kinds[what] then
		return what
	end
	local proto, port = tostring(what):match("^(%l+)/(%d+)$")
	port = math.tointeger(tonumber(port))
	if (proto == "tcp" or proto == "udp") and port and port >= 1 and port <= 65535 then
		return proto, port
	end
end

local function list_of(value)
	if type(value) == "table" and getmetatable(value) == nil then
		return value
	end
	return { value }
end

-- What counts as isolation only where the sender was seen to be able to send: a host whose cable
-- fell out is no proof of anything. Who means it names it.
local CONTROLLED = { link_down = true }

--- The verdicts that a row accepts: { [name] = true, or "controlled" }.
local function accepted(expected, index)
	local set, any = {}, false
	for _, name in ipairs(list_of(expected)) do
		if name == "isolated" then
			for each in next, verdict.isolated do
				set[each] = set[each] or (CONTROLLED[each] and "controlled" or true)
			end
		elseif type(name) == "string" and verdict.names[name] and name ~= "inconclusive" then
			set[name] = true
		elseif name == "inconclusive" then
			misuse(index, "expected", "\"inconclusive\" proves nothing, so no row can ask for it")
		else
			misuse(index, "expected", "\"isolated\" or a verdict's name expected, got '%s'", tostring(name))
		end
		any = true
	end
	if not any then
		misuse(index, "expected", "is missing")
	end
	return set
end

--- All (proto, port) that the table names, in its order, ICMP first.
local function named_whats(rows)
	local list, seen = { { "icmp" } }, { icmp = true }
	for _, row in ipairs(rows) do
		for _, what in ipairs(type(row) == "table" and list_of(row[3]) or {}) do
			local proto, port = parse_what(what)
			if proto and not seen[what] then
				seen[what] = true
				list[#list + 1] = { proto, port }
			end
		end
	end
	return list
end

--- What a row asks, as an array of { proto, port }. `known`: the answers for strings, which are
--- mostly the same in every row.
local function whats_of(row, index, named, known)
	local list = known[row[3]]
	if list then
		return list
	end
	list = {}
	for _, what in ipairs(list_of(row[3])) do
		if what == "*" then
			table.move(named, 1, #named, #list + 1, list)
		else
			local proto, port = parse_what(what, true)
			if not proto then
				misuse(index, "what", "'%s': \"icmp\", \"tcp/PORT\", \"udp/PORT\", \"*\", \"arp\", \"nd\", "
					.. "\"multicast\" or \"ethernet\" expected", tostring(what))
			end
			list[#list + 1] = { proto, port }
		end
	end
	if #list == 0 then
		misuse(index, "what", "is missing")
	end
	if type(row[3]) == "string" then
		known[row[3]] = list
	end
	return list
end

--- The families of a pair: those in which both ends have an address; a row that is about isolation
--- also counts those in which the target alone has one.
local function families_of(world, from, to, row, set)
	local found
	for _, family in ipairs(only[row.family] or families) do
		local there = #world.addresses(to, family) > 0
		local here = #world.addresses(from, family) > 0
		if there and (here or (set.no_route and not set.open)) then
			found = found and families or only[family]
		end
	end
	return found or none
end

--- Isolation must hold for every address of the target; to be open, one suffices.
local function addresses_of(world, from, to, family, set)
	local list = world.addresses(to, family)
	if set.open or set.refused or set.one_way then
		return { world.nearest(from, to, family) or list[1] }
	end
	return list
end

--- Whom a question below the network layer is about: { family, addr }, an address, a group or a
--- MAC. All of the target's where it has to be isolated, else what is on the sender's segment.
local function link_targets(world, pair, out, kind)
	local list, reach = {}, out.set.open or out.set.one_way
	for _, family in ipairs(layer2.kinds[kind]) do
		local wanted = out.row.family == nil or out.row.family == family
		local addresses = {}
		if kind == "ethernet" then
			addresses = world.macs(pair.from, pair.to, reach)
		elseif kind == "multicast" then
			addresses = { layer2.group[family] }
		elseif #world.addresses(pair.to, family) > 0 then
			addresses = addresses_of(world, pair.from, pair.to, family, out.set)
		end
		for _, addr in ipairs(wanted and addresses or {}) do
			list[#list + 1] = { family = family, addr = addr }
		end
	end
	return list
end

local function check_row(row, index)
	if type(row) ~= "table" or getmetatable(row) then
		misuse(index, "rows", "a row is { from, to, what, expected }, got %s",
			type(row) == "table" and tostring(row) or type(row))
	end
	for key in next, row do
		if not row_keys[key] then
			misuse(index, tostring(key), "unknown key")
		end
	end
	if row.family ~= nil and row.family ~= "inet" and row.family ~= "inet6" then
		misuse(index, "family", "\"inet\" or \"inet6\" expected")
	end
	if row.size ~= nil and (math.type(row.size) ~= "integer" or row.size < sizes.least
		or row.size > sizes.most) then
		misuse(index, "size", "a whole number from %d to %d expected", sizes.least, sizes.most)
	end
end

--- Packets of a size are of those kinds that have one.
local function check_size(row, whats, index)
	for _, what in ipairs(row.size and whats or {}) do
		if what[1] ~= "icmp" and what[1] ~= "udp" then
			misuse(index, "size", "icmp and udp have a size that can be chosen, %s has not", what[1])
		end
	end
end

--- Ports of which some row says that nobody listens there: opening a listener would make that
--- untrue.
local function left_closed(expanded)
	local closed = {}
	for _, row in ipairs(expanded) do
		for _, each in ipairs(row.set.refused and not row.set.open and row.pairs or {}) do
			for _, what in ipairs(row.whats) do
				closed[("%s %s/%s"):format(each.to, what[1], what[2])] = true
			end
		end
	end
	return closed
end

local function nothing_asked(pair, kind, family)
	return ("Nothing can be asked of %s -> %s %s%s: they have no %s."):format(pair.from, pair.to, kind,
		family and " (" .. family .. ")" or "",
		layer2.kinds[kind] and "such address" or "family in common")
end

--- Expand rows. `world`: nodes(value, index, attr) -> array of names; addresses(name, family) ->
--- array; nearest(from, to, family) -> address | nil; macs(from, to, near) -> array; handle(name)
--- -> the namespace. Returns the questions (what netns.probe takes, and `names`), and for each row
--- { row, set, whats, pairs, questions = array of positions, unasked = a sentence if there is a
--- part of the row of which nothing can be asked }.
local function expand(rows, world)
	if type(rows) ~= "table" then
		misuse(nil, "rows", "an array of rows expected, got %s", type(rows))
	end
	if next(rows) == nil then
		misuse(nil, "rows", "a table without rows proves nothing")
	end
	local named, expanded, sets, known = named_whats(rows), {}, {}, {}
	for index = 1, rawlen(rows) do
		local row = rows[index]
		check_row(row, index)
		local expected = row[4]
		local set = expected ~= nil and sets[expected] or accepted(expected, index)
		sets[expected or set] = set -- many rows expect the same
		local out = { row = row, set = set, whats = whats_of(row, index, named, known), pairs = {},
			questions = {} }
		for _, from in ipairs(world.nodes(row[1], index, "from")) do
			for _, to in ipairs(world.nodes(row[2], index, "to")) do
				if from ~= to then
					out.pairs[#out.pairs + 1] = { from = from, to = to }
				end
			end
		end
		check_size(row, out.whats, index)
		if #out.pairs == 0 then
			misuse(index, "to", "is the sender itself: a row is about two nodes")
		end
		expanded[index] = out
	end
	for key in next, rows do
		if math.type(key) ~= "integer" or key < 1 or key > #expanded then
			misuse(nil, tostring(key), "unknown key: rows are an array")
		end
	end
	local questions, position, closed = {}, {}, left_closed(expanded)
	local function ask(out, pair, family, addr, proto, port, size)
		local name = port and proto .. "/" .. port or proto
		local id = pair.from .. " " .. pair.to .. " " .. addr .. " " .. name .. " " .. (size or "")
		if not position[id] then
			local q = {
				names = { from = pair.from, to = pair.to, what = name };
				from = world.handle(pair.from);
				to = world.handle(pair.to);
				proto = proto;
				family = family;
				addr = addr;
			}
			q.port, q.size = port, size
			if port and not closed[("%s %s"):format(pair.to, name)] then
				q.listen = true
			end
			questions[#questions + 1] = q
			position[id] = #questions
		end
		out.questions[#out.questions + 1] = position[id]
	end
	for _, out in ipairs(expanded) do
		for _, pair in ipairs(out.pairs) do
			local asked = false
			for _, family in ipairs(families_of(world, pair.from, pair.to, out.row, out.set)) do
				for _, addr in ipairs(addresses_of(world, pair.from, pair.to, family, out.set)) do
					for _, what in ipairs(out.whats) do
						if not layer2.kinds[what[1]] then
							asked = true
							ask(out, pair, family, addr, what[1], what[2], out.row.size)
							if out.row.size and out.set.link_down == "controlled" then
								ask(out, pair, family, addr, what[1], what[2]) -- short ones are isolation's, too
							end
						end
					end
				end
			end
			for _, what in ipairs(out.whats) do
				local targets = layer2.kinds[what[1]] and link_targets(world, pair, out, what[1])
				for _, each in ipairs(targets or none) do
					ask(out, pair, each.family, each.addr, what[1])
				end
				if not (targets and targets[1] or not targets and asked) then
					out.unasked = out.unasked or nothing_asked(pair, what[1], out.row.family)
				end
			end
		end
	end
	return questions, expanded
end

return { expand = expand, parse_what = parse_what }
