-- SPDX-License-Identifier: MIT
-- probe.lua - netns.probe: questions -> core.probe -> verdicts
local core = require "netns.core"
local neighbours = require "netns.proof.neighbours"
local verdict = require "netns.proof.verdict".read

local keys = {
	from = true, to = true, proto = true, port = true, family = true, addr = true, listen = true,
	timeout = true, size = true,
}
local protos = { icmp = true, tcp = true, udp = true }
local families = { inet = true, inet6 = true }

local function misuse(index, field, message, ...)
	core.raise {
		op = "probe", attr = field, index = index, code = "EINVAL", misuse = true,
		message = message:format(...),
	}
end

-- The scope that an address list entry has, "global" being what is not written.
local function is_global(entry)
	return entry.scope == nil or entry.scope == "global" or entry.scope == "site"
end

-- The target's addresses that can be asked for in `family`, without their prefix lengths.
local function addresses(ns, family)
	local found = {}
	for _, entry in ipairs(ns.addr:list { family = family }) do
		if is_global(entry) then
			found[#found + 1] = entry.addr:match("^[^/]+")
		end
	end
	return found
end

-- The candidate nearest to the sender: on its link, else with a route, else the first.
local function nearest(from, candidates)
	if #candidates == 1 then
		return candidates[1]
	end
	local routed
	for _, addr in ipairs(candidates) do
		local ok, route = pcall(from.route.lookup, from.route, addr)
		if ok and route and not route.via and route.type ~= "unreachable" then
			return addr
		elseif ok and route then
			routed = routed or addr
		end
	end
	return routed or candidates[1]
end

-- The table in `of` for `key`, made when it is not there.
local function part(of, key)
	of[key] = of[key] or {}
	return of[key]
end

-- The receiver's address for the sender in one family, or false. In a call it is asked for once,
-- as are the receiver's addresses: many probes go the same way, or to the same end.
local function address(known, from, to, family)
	local seen, all = part(part(known, from), to), part(known, family)
	if seen[family] == nil then
		all[to] = all[to] or addresses(to, family)
		seen[family] = #all[to] > 0 and nearest(from, all[to])
	end
	return seen[family]
end

-- The family and address to ask for; without any, nil and why.
local function target(spec, known)
	if spec.from == spec.to then
		local family = spec.family or "inet"
		return family, family == "inet" and "127.0.0.1" or "::1"
	end
	for _, family in ipairs(spec.family and { spec.family } or { "inet", "inet6" }) do
		local addr = address(known, spec.from, spec.to, family)
		if addr then
			return family, addr
		end
	end
	return nil, ("The receiver has no global %saddress to ask for."):format(
		spec.family and spec.family .. " " or "")
end

local function shown(value)
	return type(value) == "number" and tostring(value) or core.show(value)
end

--- Does it look like an address? core.probe reads it.
local function is_address(text)
	return text:find "^[%x:.]+%%?[^%%]*$" ~= nil and text:find "[:.]" ~= nil
end

local function is_port(value)
	return math.type(value) ~= nil and value >= 1 and value <= 65535 and value % 1 == 0
end

-- The address, or "addr%dev", that a spec names; IPv6 link-local ones need the sender's link.
local function named_address(q, index, field)
	if type(q.addr) ~= "string" then
		misuse(index, field, "string expected, got %s", type(q.addr))
	end
	local family = q.addr:find(":", 1, true) and "inet6" or "inet"
	if q.family and q.family ~= family then
		misuse(index, field, "no address of family %s", q.family)
	end
	q.family = family
	local host, dev = q.addr:match("^(.-)%%(.+)$")
	if host then
		local link = q.from.link:get(dev)
		if not link then
			misuse(index, field, "the sender has no such link")
		end
		q.addr, q.scope = host, link.index
	end
end

-- Check one spec; returns what core.probe takes, and why nothing can be asked, if so.
local function question(spec, index, known)
	if type(spec) ~= "table" then
		misuse(index, "spec", "table expected, got %s", type(spec))
	end
	local q = {}
	for key, value in next, spec do
		if type(key) ~= "string" then
			misuse(index, "spec", "a key of type %s has no meaning here", type(key))
		elseif not keys[key] then
			misuse(index, core.show(key):sub(2, -2), "unknown key")
		end
		q[key] = value
	end
	if type(q.from) == "string" then
		misuse(index, "from", "a namespace expected (a handle, as netns.open gives, or a lab's node), "
			.. "got the string %s", core.show(q.from))
	end
	q.from = core.probe_end(q.from, "from", index)
	local field = "addr" -- which names the target
	if type(q.to) == "string" then
		if q.addr ~= nil then
			misuse(index, "addr", "`to` is an address already")
		elseif not is_address(q.to) then
			misuse(index, "to", "a namespace (a handle, or a lab's node) or an IPv4 or IPv6 address "
				.. "expected, got the string %s", core.show(q.to))
		end
		q.addr, q.to, field = q.to, nil, "to"
	else
		q.to = core.probe_end(q.to, "to", index)
	end
	if q.proto == nil and q.port == nil then
		q.proto = "icmp"
	end
	if not protos[q.proto] then
		misuse(index, "proto", "\"icmp\", \"tcp\" or \"udp\" expected")
	end
	if q.proto == "icmp" and q.port ~= nil then
		misuse(index, "port", "icmp has no ports")
	elseif q.proto ~= "icmp" and not is_port(q.port) then
		misuse(index, "port", q.port == nil and "is missing"
			or "a whole number from 1 to 65535 expected, got %s", shown(q.port))
	end
	if q.family ~= nil and not families[q.family] then
		misuse(index, "family", "\"inet\" or \"inet6\" expected")
	end
	if q.size ~= nil and q.proto == "tcp" then
		misuse(index, "size", "a SYN has the size that it has: icmp or udp")
	end
	if q.listen ~= nil and type(q.listen) ~= "boolean" then
		misuse(index, "listen", "true or false expected, got %s", type(q.listen))
	end
	if q.listen and not q.to then
		misuse(index, "listen", "a listener needs a namespace in `to`")
	end
	if q.addr ~= nil then
		named_address(q, index, field)
		return q
	end
	local family, addr = target(q, known)
	if not family then
		q.addr = "?"
		return q, addr
	end
	q.family, q.addr = family, addr
	return q
end

local function number(addr)
	local a, b, c, d = addr:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)")
	return a and ((a * 256 + b) * 256 + c) * 256 + d
end

-- Links that tunnel modules put into every namespace: they are down, and that means nothing.
local fallbacks = { tunl0 = true, sit0 = true, gre0 = true, gretap0 = true, erspan0 = true,
	ip_vti0 = true, ip6_vti0 = true, ip6tnl0 = true, ip6gre0 = true }

-- The sender's first link, if all that it has are down.
local function all_down(from)
	local first
	for _, link in ipairs(from.link:list()) do
		if link.name ~= "lo" and not fallbacks[link.name] then
			if link.up then
				return nil
			end
			first = first or link.name
		end
	end
	return first
end

-- The sender's link that is down and by which the packet would have left. The kernel takes the
-- routes of such a link away and says ENETUNREACH, which is only half the truth; it also takes the
-- IPv6 addresses away. `way(from, addr)` knows by which link it was to leave, where somebody does.
local function down_link(q, way)
	local planned = way and way(q.from, q.addr)
	local link = planned and q.from.link:get(planned)
	if link and not link.up then
		return planned
	end
	local wanted = number(q.addr)
	for _, entry in ipairs(wanted and q.from.addr:list { family = "inet" } or {}) do
		local bits = 32 - tonumber(entry.addr:match("/(%d+)$") or 32)
		if number(entry.addr) >> bits == wanted >> bits and not q.from.link:get(entry.dev).up then
			return entry.dev
		end
	end
	return all_down(q.from)
end

-- "It is too long for my next link", said by a router.
local too_long = { ["frag-needed"] = true, ["packet-too-big"] = true }

-- Is it the length that a packet was stopped for? The same question, as short as can be, tells.
local function compare_lengths(result, q, short)
	local refused = result.icmp and too_long[result.icmp.name]
	if not short.delivered or result.delivered or not refused and result.verdict ~= "dropped" then
		return
	end
	result.short = short.verdict
	result.why = ("%s A short one was delivered meanwhile: it is the length of %d bytes that is %s.")
		:format(result.why, q.size, refused and "refused" or "swallowed (a black hole of the MTU)")
end

local function read(q, observation, way)
	if observation.errno == "ENETUNREACH" or observation.errno == "EADDRNOTAVAIL"
		and observation.path and observation.path.errno == "ENETUNREACH" then
		observation.down = down_link(q, way)
	end
	return verdict(observation, q)
end

--- The positions, in `list`, of packets as short as can be that go with those of a size.
local function add_short(list)
	local short = {}
	for at = 1, #list do
		if list[at].size then
			local q = {}
			for key, value in next, list[at] do
				q[key] = key ~= "size" and value or nil
			end
			short[at], list[#list + 1] = #list + 1, q
		end
	end
	return short
end

--- The verdicts of a list that may have got longer by its short ones.
local function read_all(list, n, observations, short, way)
	local results = {}
	for i = 1, n do
		results[i] = read(list[i], observations[i], way)
		if short[i] then
			compare_lengths(results[i], list[i], read(list[short[i]], observations[short[i]], way))
		end
	end
	return results
end

-- Likewise ask(), for an array of specs of which is known that core.probe takes them: `from` and
-- `to` are handles, and `family` and `addr` are there.
local function ask_checked(questions, options, way, around, known)
	local list = table.move(questions, 1, #questions, 1, {})
	local short = add_short(list)
	return read_all(list, #questions, neighbours.probe(list, options, around, known), short, way)
end

-- netns.probe { from, to, proto, port, family, addr, listen, timeout } -> a verdict; an array of
-- them gives an array of verdicts, all probes being in flight at once. `options.settle`: how long
-- silence must last, for callers who know that nobody limits ICMP errors; `way`: see down_link;
-- `around`: see neighbours.lua; `alone`: nothing else is sent, no short packets beside long ones.
local function ask(spec, options, way, around, alone)
	if type(spec) ~= "table" then
		misuse(nil, "spec", "table expected, got %s", type(spec))
	end
	if options ~= nil and type(options) ~= "table" then
		misuse(nil, "options", "table expected, got %s", type(options))
	end
	for key in next, options or {} do
		if key ~= "settle" then
			misuse(nil, tostring(key), "unknown key")
		end
	end
	local one = rawget(spec, "from") ~= nil or rawget(spec, "to") ~= nil
	local specs = one and { spec } or spec
	local asked, list, result, known = {}, {}, {}, {}
	for key in next, specs do
		if math.type(key) ~= "integer" or key < 1 or key > rawlen(specs) then
			misuse(nil, "spec", "an array of specs has no key %s", shown(key))
		end
	end
	for i = 1, rawlen(specs) do
		local q, unasked = question(rawget(specs, i), not one and i or nil, known)
		if unasked then
			result[i] = verdict({ sent = false, unasked = unasked }, q)
		else
			asked[#asked + 1], list[#list + 1] = i, q
		end
	end
	local short = alone and {} or add_short(list)
	local ok, observations = pcall(neighbours.probe, list, options, around)
	if not ok then
		local e = observations
		if type(e) == "table" and e.index then
			local at = asked[e.index]
			e.index = not one and at or nil -- in the caller's array
			if e.attr == "addr" and type(rawget(specs, at).to) == "string" then
				e.attr = "to"
			end
		end
		error(e, 0)
	end
	for i, found in ipairs(read_all(list, #asked, observations, short, way)) do
		result[asked[i]] = found
	end
	return one and result[1] or result
end

local function probe(spec, options)
	return ask(spec, options)
end

return { probe = probe, ask = ask, ask_checked = ask_checked, keys = keys, is_global = is_global }
