-- SPDX-License-Identifier: MIT
-- netns.proof.model - what ought to be reachable, computed, beside what was probed
--
-- Theory. A survey reads what the kernel has: links, addresses, routes, forwarding. From it alone,
-- by longest prefixes and along the cables, the verdict of each pair is computed; no packet and no
-- lookup of the kernel's is used, so that model and reality can disagree. Where they do, either the
-- model does not cover what decides (it says what that may be), or the network does something that
-- nobody wrote down.

local live = require "netns.lab.running"
local prefix = require "netns.prefix"
local probes = require "netns.proof.probe"
local ways = require "netns.proof.way"

local MOST_HOPS = 64
local families = { "inet", "inet6" }

-- Reading

local function read_links(ns)
	local links = {}
	for _, link in ipairs(ns.link:list()) do
		links[link.name] = { up = link.up, carrier = link.carrier, kind = link.kind,
			isolated = link.bridge_slave and link.bridge_slave.isolated,
			vlans = link.data and link.data.vlan_filtering }
	end
	return links
end

local function read_addresses(ns)
	local list, here = {}, {}
	for _, entry in ipairs(ns.addr:list()) do
		local address = prefix.parse(entry.addr:match "^[^/]+"):address()
		here[address] = true
		if probes.is_global(entry) then
			list[#list + 1] = { addr = address, dev = entry.dev, family = entry.family }
		end
	end
	return list, here
end

--- Routes of one family, the longest prefix first, of equal ones the smallest metric.
local function read_routes(ns, family)
	local list = {}
	for i, route in ipairs(ns.route:list { family = family }) do
		local any = family == "inet" and "0.0.0.0/0" or "::/0"
		list[i] = { net = prefix.parse(route.dst == "default" and any or route.dst), at = i,
			via = route.via, dev = route.dev, type = route.type, metric = route.metric or 0,
			many = route.nexthops ~= nil }
	end
	table.sort(list, function(a, b)
		if a.net.length ~= b.net.length then
			return a.net.length > b.net.length
		elseif a.metric ~= b.metric then
			return a.metric < b.metric
		end
		return a.at < b.at
	end)
	return list
end

--- What of a node the model leaves out, as phrases.
local function read_uncovered(ns, here)
	local list = {}
	local asked, text = pcall(function() return ns.nft:list() end)
	if not asked or text ~= "" then
		list[1] = "firewall rules"
	end
	if #ns.rule:list() > 5 then -- local, main, default; IPv6 has no default
		list[#list + 1] = "routing rules"
	end
	for _, family in ipairs(families) do
		for _, route in ipairs(here.routes and here.routes[family] or {}) do
			if route.many then
				list[#list + 1] = "routes with several next hops"
				break
			end
		end
	end
	for name, link in next, here.links do
		if link.vlans then
			list[#list + 1] = "VLANs of " .. name
		end
	end
	return list
end

local function survey_node(node, ns)
	local here = { node = node, links = read_links(ns) }
	if node.kind ~= "switch" then
		here.addresses, here.local_ = read_addresses(ns)
		here.routes, here.forwards = {}, {}
		for _, family in ipairs(families) do
			here.routes[family] = read_routes(ns, family)
		end
		here.forwards.inet = ns.sysctl["net.ipv4.ip_forward"] == 1
		here.forwards.inet6 = ns.sysctl["net.ipv6.conf.all.forwarding"] == 1
		here.strict = {}
		for name in next, here.links do
			here.strict[name] = math.max(ns.sysctl["net.ipv4.conf.all.rp_filter"] or 0,
				ns.sysctl[("net/ipv4/conf/%s/rp_filter"):format(name)] or 0) == 1
		end
	end
	here.uncovered = read_uncovered(ns, here)
	return here
end

--- A running lab as the model sees it.
local function survey(running)
	local out = { order = running.layout.order, nodes = {}, running = running }
	for _, node in ipairs(out.order) do
		out.nodes[node.name] = survey_node(node, running.namespaces[node.name])
	end
	return out
end

-- Computing

local function works(state, interface)
	local link = state.nodes[interface.node.name].links[interface.name]
	return link and link.up and link.carrier
end

local function interface_of(node, name)
	for _, interface in ipairs(node.interfaces) do
		if interface.name == name then
			return interface
		end
	end
end

--- The interface with an address that is reached from `start` without a router.
local function neighbour(state, start, addr)
	local queue, head, seen = { start }, 1, {}
	while queue[head] do
		local near = queue[head]
		local far = near.other
		head = head + 1
		if works(state, near) and works(state, far) then
			local there = state.nodes[far.node.name]
			if far.node.kind ~= "switch" then
				if there.local_[addr] then
					return far
				end
			elseif not seen[far] and there.links.br0 and there.links.br0.up then
				seen[far] = true
				local isolated = there.links[far.name].isolated
				for _, port in ipairs(far.node.interfaces) do
					if port ~= far and not (isolated and there.links[port.name].isolated) then
						queue[#queue + 1] = port
					end
				end
			end
		end
	end
end

local function route_to(here, target)
	for _, route in ipairs(here.routes[target.family]) do
		if route.net:contains(target) and route.type ~= "throw" then
			return route
		elseif route.net:contains(target) then
			return nil
		end
	end
end

-- What becomes of a packet whose route is of this type: at its sender, and at a router.
local ends = {
	blackhole = { "blackhole", "dropped" }, prohibit = { "prohibited", "rejected" },
	unreachable = { "no_route", "rejected" }, none = { "no_route", "rejected" },
	down = { "link_down", "rejected" }, nobody = { "no_neighbour", "rejected" },
}

--- The sender's address towards another: the first on the link that it leaves by.
local function source_of(here, family, dev)
	for _, entry in ipairs(here.addresses) do
		if entry.family == family and entry.dev == dev then
			return entry.addr
		end
	end
	for _, entry in ipairs(here.addresses) do
		if entry.family == family then
			return entry.addr
		end
	end
end

--- Follow a packet: { verdict, node, why, cause, source, hops }; the verdict of one that arrives is
--- "delivered". `source` is found at the first step unless it is given.
local function walk(state, from, addr, source)
	local target, node = prefix.parse(addr), state.nodes[from]
	local hops, came_by = { from }, nil
	local function ended(cause, why, ...)
		return { verdict = ends[cause][#hops > 1 and 2 or 1], node = node.node.name, cause = cause,
			why = why:format(...), source = source, hops = hops }
	end
	while #hops <= MOST_HOPS do
		local back = came_by and source and node.strict[came_by] and target.family == "inet"
			and not node.local_[source] and route_to(node, prefix.parse(source))
		if back ~= nil and back ~= false and back.dev ~= came_by then
			return { verdict = "dropped", node = node.node.name, cause = "rp_filter", source = source,
				hops = hops, why = ("rp_filter: the way back to %s is not %s"):format(source, came_by) }
		elseif node.local_[addr] then
			return { verdict = "delivered", node = node.node.name, source = source, hops = hops }
		elseif came_by and not node.forwards[target.family] then
			return { verdict = "dropped", node = node.node.name, cause = "forwarding", source = source,
				hops = hops, why = "it does not forward" }
		end
		local route = route_to(node, target)
		local planned = not route and #hops == 1 and ways.planned(state.running, from, addr)
		if planned and not (node.links[planned] or {}).up then -- the kernel took its routes away
			return ended("down", "its link %s is down", planned)
		elseif not route then
			return ended("none", "it has no route to %s", addr)
		elseif ends[route.type] then
			return ended(route.type, "its route to %s is %s", addr, route.type)
		end
		source = source or source_of(node, target.family, route.dev)
		local out = interface_of(node.node, route.dev)
		if not out then
			return { verdict = "inconclusive", node = node.node.name, source = source, hops = hops,
				why = ("it leaves by %s, which is no cable of the lab"):format(route.dev or "nothing") }
		elseif not works(state, out) then
			return ended("down", "its link %s is down", route.dev)
		end
		local via = route.via and prefix.parse(route.via):address() or addr
		local far = neighbour(state, out, via)
		if not far then
			return ended("nobody", "nobody on %s has %s", route.dev, via)
		end
		node, came_by = state.nodes[far.node.name], far.name
		hops[#hops + 1] = far.node.name
	end
	return { verdict = "rejected", node = node.node.name, cause = "loop", source = source, hops = hops,
		why = "it goes in circles" }
end

--- The verdict of a pair, and the walk that decided.
local function predict(state, from, to, addr)
	local there = walk(state, from, addr)
	if there.verdict ~= "delivered" then
		return there.verdict, there
	elseif there.node ~= to then
		there.why = "another node has the address"
		return "inconclusive", there
	end
	local back = there.source and walk(state, to, there.source, addr)
	if not back or back.verdict ~= "delivered" or back.node ~= from then
		return "one_way", back or there
	end
	return "open", there
end

-- Comparing

local result_methods = {}
local result_mt = { __name = "netns.model", __index = result_methods }

--- What the model does not cover on a way: "r1: firewall rules".
local function uncovered_on(state, hops)
	local list = {}
	for _, name in ipairs(hops) do
		for _, what in ipairs(state.nodes[name].uncovered) do
			list[#list + 1] = name .. ": " .. what
		end
	end
	return list
end

local function all_uncovered(state)
	local names = {}
	for i, node in ipairs(state.order) do
		names[i] = node.name
	end
	return uncovered_on(state, names)
end

--- lab:model([what [, family]]) -> { ok, predicted, disagreements, uncovered }: each pair of hosts,
--- computed and probed. `what` ("icmp" if not given) is what is probed.
local function model(self, what, family)
	local running = live.running(self, "lab model")
	local _, report = self:matrix(what or "icmp", family)
	local state = survey(running)
	local result = setmetatable({ ok = true, predicted = {}, disagreements = {}, pairs = 0,
		uncovered = all_uncovered(state) }, result_mt)
	for _, entry in ipairs(report) do
		for _, answer in ipairs(entry.verdicts) do
			local name, way = predict(state, answer.from, answer.to, answer.addr)
			local by = result.predicted
			by[answer.from] = by[answer.from] or {}
			by[answer.from][answer.to] = by[answer.from][answer.to] or {}
			by[answer.from][answer.to][answer.family] = name
			result.pairs = result.pairs + 1
			if name ~= answer.verdict then
				result.ok = false
				table.insert(result.disagreements, { from = answer.from, to = answer.to,
					family = answer.family, addr = answer.addr, predicted = name, verdict = answer.verdict,
					node = way.node, why = way.why, seen = answer.why,
					uncovered = uncovered_on(state, way.hops) })
			end
		end
	end
	return result
end

function result_methods:text()
	local lines = {}
	for _, each in ipairs(self.disagreements) do
		lines[#lines + 1] = ("%s -> %s (%s): the model says %s%s; it was %s. %s"):format(each.from,
			each.to, each.addr, each.predicted,
			each.why and ("; at %s, %s"):format(each.node, each.why) or "", each.verdict, each.seen)
		if #each.uncovered > 0 then
			lines[#lines + 1] = "    not in the model: " .. table.concat(each.uncovered, ", ")
		end
	end
	lines[#lines + 1] = ("%d of %d pairs disagree with the model."):format(#self.disagreements,
		self.pairs)
	lines[#lines + 1] = "It knows links, addresses, routes, forwarding and rp_filter; not in it: "
		.. (#self.uncovered > 0 and table.concat(self.uncovered, ", ") or "nothing that is here")
	return table.concat(lines, "\n")
end

result_mt.__tostring = result_methods.text

return { model = model }
