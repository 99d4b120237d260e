-- SPDX-License-Identifier: MIT
-- netns.lab.addressing - subnets for segments, addresses for interfaces
--
-- What the user gave comes first; then what the previous layout had; the rest comes from the pools,
-- a /24 (or larger, where it must be) and a /64 a segment. Hosts count from the bottom, routers
-- from the top, so that either can be added without moving the other; IPv6 uses IPv4's number.

local prefix = require "netns.prefix"

local families = { "inet", "inet6" }
local ROUTER_TOP = 254 -- where there is no IPv4 subnet to say what the last number is

-- The outside has addresses that nothing else has: those that documents use (RFC 5737, RFC 3849).
local outside = {
	subnet = { inet = "192.0.2.0/24", inet6 = "2001:db8:1::/48" },
	address = { inet = "203.0.113.1/32", inet6 = "2001:db8::1/128" },
}

local function list_of(value)
	if type(value) == "table" then
		return value
	end
	return value and { value } or {}
end

--- The subnets that a segment's links name, or that their addresses lie in.
local function given_subnets(segment, mistake)
	local by = {}
	for _, link in ipairs(segment.links) do
		segment.unnumbered = segment.unnumbered or link.subnet == false
		for _, text in ipairs(list_of(link.subnet)) do
			local net = prefix.parse(text)
			if not net or not tostring(text):find("/", 1, true) then
				mistake(link.from, "'%s' is no prefix such as \"10.1.0.0/24\" or \"fd00:1::/64\"",
					tostring(text))
			elseif net:has_host_bits() then
				mistake(link.from, "%s has host bits set; %s is the subnet", text,
					tostring(net:network()))
			elseif segment.subnet[net.family] and segment.subnet[net.family] ~= net then
				mistake(link.from, "%s: the segment is %s already (%s)", text,
					tostring(segment.subnet[net.family]), by[net.family])
			else
				segment.subnet[net.family], by[net.family] = net, link.from
			end
		end
	end
end

--- The addresses that a link gives to this end.
local function given_addresses(interface, mistake)
	local link, segment = interface.link, interface.segment
	for _, text in ipairs(list_of(link.addresses and link.addresses[interface.side])) do
		local address = prefix.parse(text)
		if not address then
			mistake(link.from, "'%s' is no address such as \"10.1.0.5/24\"", tostring(text))
		else
			local net = segment.subnet[address.family]
			if address.length == address.bits and net then
				address = address:with(net.length)
			end
			if not net and address.length == address.bits then
				mistake(link.from, "%s (of %s) needs its prefix length, or the link a subnet", text,
					interface.node.name)
			else
				net = net or address:network()
				segment.subnet[address.family] = net
				if not net:contains(address) then
					mistake(link.from, "%s (of %s) is not in %s", text, interface.node.name, tostring(net))
				end
				interface.address[address.family] = address
			end
		end
	end
end

local function check_overlaps(layout, mistake)
	local all = {}
	for _, segment in ipairs(layout.segments) do
		for _, net in next, segment.subnet do
			all[#all + 1] = { net = net, segment = segment }
		end
	end
	table.sort(all, function(x, y)
		if x.net.family ~= y.net.family then
			return x.net.family < y.net.family
		elseif x.net.hi ~= y.net.hi then
			return math.ult(x.net.hi, y.net.hi)
		elseif x.net.lo ~= y.net.lo then
			return math.ult(x.net.lo, y.net.lo)
		end
		return x.net.length < y.net.length
	end)
	-- sorted, an overlap is with the last one that has not ended yet
	local open
	for _, each in ipairs(all) do
		if open and open.net:overlaps(each.net) then
			mistake(each.segment.links[1].from, "%s overlaps with %s (%s)", tostring(each.net),
				tostring(open.net), open.segment.links[1].from)
		else
			open = each
		end
	end
end

--- Room for the members and one more; at the outside, where addresses are few, not much more.
local function needed_length(family, members, few)
	if family == "inet6" then
		return 64
	end
	local length = few and 28 or 24
	while (1 << (32 - length)) - 2 < members + 1 do
		length = length - 1
	end
	return length
end

--- Hands out prefixes of a pool, in order, around those that are taken.
local function allocator(pool, taken)
	local at = pool:network()
	return function(length)
		if length < pool.length then
			return nil
		end
		local net = at and at:with(length):network()
		if net and math.ult(net.lo, at.lo) and net.hi == at.hi then
			net = net:next() -- `at` lies in the middle of a larger one
		end
		while net and pool:contains(net) do
			local free = true
			for _, other in ipairs(taken) do
				free = free and not net:overlaps(other)
			end
			local after = net:next()
			if free then
				at = after
				return net
			end
			net = after
		end
	end
end

local function has_outside(segment)
	for _, member in ipairs(segment.members) do
		if member.node.kind == "internet" then
			return true
		end
	end
	return false
end

local function previous_subnet(segment, family)
	for _, member in ipairs(segment.members) do
		local before = member.before
		local net = before and before.segment and before.segment.subnet[family]
		if net then
			return net
		end
	end
end

--- Subnets from one pool for the segments that `wants` it.
local function fill_pool(layout, family, text, wants, few, mistake)
	local pool, taken = prefix.parse(text), {}
	for _, segment in ipairs(layout.segments) do
		local net = segment.subnet[family]
			or wants(segment) and not segment.unnumbered and previous_subnet(segment, family)
		for _, other in ipairs(net and not segment.subnet[family] and taken or {}) do
			net = net and not net:overlaps(other) and net or nil
		end
		segment.subnet[family] = net or nil
		if net then
			taken[#taken + 1] = net
		end
	end
	local allocate = allocator(pool, taken)
	for _, segment in ipairs(layout.segments) do
		local count = #segment.members
		if not segment.subnet[family] and not segment.unnumbered and count > 0 and wants(segment) then
			segment.subnet[family] = allocate(needed_length(family, count, few))
			if not segment.subnet[family] then
				mistake(segment.links[1].from, "the pool %s has no subnet left", text)
				return
			end
		end
	end
end

local function fill_subnets(layout, pools, mistake)
	for _, family in ipairs(families) do
		if pools[family] then
			local pool = prefix.parse(pools[family])
			if not pool or pool.family ~= family or pool:has_host_bits() then
				mistake(nil, "the pool '%s' is no %s prefix", pools[family],
					family == "inet" and "IPv4" or "IPv6")
			else
				fill_pool(layout, family, outside.subnet[family], has_outside, true, mistake)
				fill_pool(layout, family, pools[family], function(segment)
					return not has_outside(segment)
				end, false, mistake)
			end
		end
	end
end

--- The first and last number that a host may have.
local function range(net)
	local free = net.bits - net.length
	if free <= 1 then
		return 0, (1 << free) - 1
	elseif net.family == "inet6" then
		return 1, free >= 31 and 0x7fffffff or (1 << free) - 1
	end
	return 1, (1 << math.min(free, 31)) - 2
end

local function claim(interface, net, taken, mistake)
	local address = interface.address[net.family]
	local text = address and address:address()
	if not text then
		return
	elseif taken[text] then
		mistake(interface.link.from, "%s (of %s) is %s's already (%s)", text, interface.node.name,
			taken[text].node.name, taken[text].link.from)
	end
	taken[text] = interface
end

local function fill_addresses(segment, mistake)
	local v4 = segment.subnet.inet
	for _, family in ipairs(families) do
		local net = segment.subnet[family]
		local taken = {}
		for _, member in ipairs(net and segment.members or {}) do
			claim(member, net, taken, mistake)
		end
		for _, member in ipairs(net and segment.members or {}) do
			local before = member.before and member.before.address[family]
			if not member.address[family] and before and net:contains(before) and before.length == net.length
				and not taken[before:address()] then
				member.address[family] = before
				claim(member, net, taken, mistake)
			end
		end
		if net then
			local low, high = range(net)
			local bottom = low
			local top = family == "inet" and high
				or math.min(high, v4 and select(2, range(v4)) or ROUTER_TOP)
			for _, member in ipairs(segment.members) do
				local is_host = member.node.kind == "host"
				local base = net:network()
				while not member.address[family] do
					local n = is_host and bottom or top
					if n < low or n > high then
						mistake(member.link.from, "%s has no address left for %s", tostring(net),
							member.node.name)
						break
					end
					bottom, top = is_host and bottom + 1 or bottom, is_host and top or top - 1
					local address = base:plus(n)
					if not taken[address:address()] then
						member.address[family] = address:with(net.length)
						taken[address:address()] = member
					end
				end
			end
		end
	end
end

--- Give every segment its subnets and every interface its addresses.
local function assign(layout, pools, mistake)
	for _, segment in ipairs(layout.segments) do
		segment.subnet = {}
		given_subnets(segment, mistake)
		for _, member in ipairs(segment.members) do
			member.address = {}
			given_addresses(member, mistake)
		end
	end
	check_overlaps(layout, mistake)
	fill_subnets(layout, pools, mistake)
	for _, segment in ipairs(layout.segments) do
		fill_addresses(segment, mistake)
	end
	for _, node in ipairs(layout.order) do
		if node.kind == "internet" then
			node.address = {}
			for _, family in ipairs(families) do
				node.address[family] = pools[family] and prefix.parse(outside.address[family]) or nil
			end
		end
	end
end

return { assign = assign, families = families }
