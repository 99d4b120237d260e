-- SPDX-License-Identifier: MIT
-- netns.proof.explain - a packet's walk through a lab: each hop, what it did there, where it ended
--
-- Theory. One probe is sent while every node is watched in two ways: a packet socket tells on which
-- interfaces it was seen, and nftables' trace messages tell which rules it met. The walk then
-- follows the cables: out of an interface, in at the other end. For the time of the probe each node
-- has one more nftables table, which marks the probe's packets to be traced and does nothing else;
-- it goes before the walk is told.

local core = require "netns.core"
local live = require "netns.lab.running"
local nodes = require "netns.lab.node"
local probes = require "netns.proof.probe"
local rows_of = require "netns.proof.rows"
local ruleset = require "netns.proof.ruleset"
local ways = require "netns.proof.way"

local TABLE = "netns_explain"
local numbers = { icmp = { inet = 1, inet6 = 58 }, tcp = { inet = 6, inet6 = 6 },
	udp = { inet = 17, inet6 = 17 } }
local echo_request = { inet = 8, inet6 = 128 }

local function misuse(attr, message, ...)
	core.raise { op = "lab explain", attr = attr, message = message:format(...), code = "EINVAL",
		misuse = true }
end

--- What the probe's packets look like, as nftables says it.
local function match_of(q)
	if q.proto == "icmp" then
		return q.family == "inet" and "icmp type echo-request" or "icmpv6 type echo-request"
	end
	return ("meta l4proto %s th dport %d"):format(q.proto, q.port)
end

--- The same where a packet comes in: the ingress hook is before all others.
local function ingress_tracer(node, match)
	local chains = {}
	for i, interface in ipairs(node.interfaces) do
		chains[i] = ("chain c%d { type filter hook ingress device \"%s\" priority -450; "
			.. "%s meta nftrace set 1; }\n"):format(i, interface.name, match)
	end
	return ("table netdev %s {\n%s}\n"):format(TABLE, table.concat(chains))
end

local function tracer(kind, match)
	if kind == "switch" then
		return ([[table bridge %s {
chain pre { type filter hook prerouting priority -450; %s meta nftrace set 1; }
}
]]):format(TABLE, match)
	end
	return ([[table inet %s {
chain pre { type filter hook prerouting priority -450; %s meta nftrace set 1; }
chain out { type filter hook output priority -450; %s meta nftrace set 1; }
}
]]):format(TABLE, match, match)
end

local Watch = {}
Watch.__index = Watch

--- Watch one node from now on.
local function watch(node, ns, match)
	local self = setmetatable({ node = node, ns = ns }, Watch)
	self.frames = core.frames(ns)
	self.trace = core.trace(ns)
	local family = node.kind == "switch" and "bridge" or "inet"
	local made = { family .. " " .. TABLE, "netdev " .. TABLE }
	if pcall(ns.nft.run, ns.nft, tracer(node.kind, match) .. ingress_tracer(node, match)) then
		self.tables = made
	elseif pcall(ns.nft.run, ns.nft, tracer(node.kind, match)) then
		self.tables = { made[1] }
	end
	return self
end

--- What was seen; the tracer is gone afterwards.
function Watch:finish()
	self.seen, self.steps = self.frames:read(), self.trace:read()
	self:close()
end

function Watch:close()
	if self.tables then
		local text = "delete table " .. table.concat(self.tables, "; delete table ")
		self.tables = nil
		pcall(self.ns.nft.run, self.ns.nft, text)
	end
	self.frames:close()
	self.trace:close()
end

local function is_probe(frame, q)
	if frame.family ~= q.family or frame.proto ~= numbers[q.proto][q.family] then
		return false
	elseif q.proto == "icmp" then
		return frame.type == echo_request[q.family]
	end
	return frame.dport == q.port
end

--- The first frame of the probe in one direction that `wanted` accepts.
local function first_frame(self, q, direction, wanted)
	for _, frame in ipairs(self.seen) do
		if frame.direction == direction and is_probe(frame, q) and wanted(frame) then
			return frame
		end
	end
end

--- The rules and policies that the first packet of the probe met, in their order.
local function rules_of(self)
	local first = {}
	for _, step in ipairs(self.steps) do
		if step.table ~= TABLE and step.type ~= "return" and (step.handle or step.policy) then
			first.id = first.id or step.id
			if step.id == first.id then
				first[#first + 1] = step
			end
		end
	end
	local known, list = nil, {}
	for i, step in ipairs(first) do
		known = known or ruleset.read(self.ns)
		local chain = ("%s %s %s"):format(step.family, step.table, step.chain)
		list[i] = { chain = chain, handle = step.handle, verdict = step.verdict or step.policy,
			policy = step.type == "policy" or nil }
		for _, rule in ipairs(known.rules) do
			if rule.chain == chain and rule.handle == step.handle then
				list[i].text, list[i].counters = rule.text, rule.counters
			end
		end
	end
	return list
end

local function interface_at(node, index)
	for _, interface in ipairs(node.interfaces) do
		if interface.index == index then
			return interface
		end
	end
end

local function route_at(ns, addr)
	local found, route = pcall(ns.route.lookup, ns.route, addr)
	if found then
		return { dst = route.dst, via = route.via, dev = route.dev, type = route.type, src = route.src }
	end
	return { error = route.code }
end

--- Where a switch sent the frame on: the port whose other end took it for its own, else any.
local function port_out(watches, self, q, iif)
	local fallback
	for _, interface in ipairs(self.node.interfaces) do
		local function left_here(f)
			return f.index == interface.index
		end
		if interface.name ~= iif and first_frame(self, q, "out", left_here) then
			local there = watches[interface.other.node.name]
			local taken = first_frame(there, q, "in", function(f)
				return f.index == interface.other.index and (f.here or there.node.kind == "switch")
			end)
			if taken then
				return interface
			end
			fallback = fallback or interface
		end
	end
	return fallback
end

local function way_out(watches, self, q, iif)
	if self.node.kind == "switch" then
		return port_out(watches, self, q, iif)
	end
	for _, frame in ipairs(self.seen) do
		if frame.direction == "out" and is_probe(frame, q) then
			local interface = interface_at(self.node, frame.index)
			if interface then
				return interface, frame
			end
		end
	end
end

--- Why a node sent nothing by the link that its route names.
local function not_sent_on(ns, via, dev, size)
	local link = dev and ns.link:get(dev)
	if link and not (link.up and link.carrier) then
		return ("it was not sent on to %s: the link %s is down"):format(via, dev)
	end
	if link and size and size > link.mtu then
		return ("it was not sent on to %s: the link %s carries %d bytes, and it has %d"):format(via, dev,
			link.mtu, size)
	end
	for _, entry in ipairs(dev and ns.neigh:list { dev = dev } or {}) do
		if entry.dst == via and (entry.state == "failed" or entry.state == "incomplete") then
			return ("it was not sent on to %s by %s: nobody there answers for it"):format(via, dev)
		end
	end
	return ("it was not sent on to %s by %s, and nothing says why"):format(via, dev or "?")
end

--- Why a packet that was seen in this node was not seen any further.
local function ending(self, hop, q, verdict)
	for _, rule in ipairs(hop.rules) do
		if rule.verdict == "drop" then
			return rule.policy and ("the policy of %s dropped it"):format(rule.chain)
				or ("a rule of %s dropped it: %s"):format(rule.chain, rule.text or "handle " .. rule.handle),
				rule
		end
	end
	local last = hop.rules[#hop.rules]
	if last and last.text and last.text:find("%f[%w]reject%f[%W]") then
		return ("a rule of %s rejected it: %s"):format(last.chain, last.text), last
	end
	if not hop.iif then
		return verdict.why
	end
	local route = hop.route
	if route and route.error == "EINVAL" then
		return ("the route to %s is a blackhole (EINVAL)"):format(q.addr)
	elseif route and route.error then
		return ("there is no route to %s (%s)"):format(q.addr, route.error)
	elseif route and route.type ~= "local" and route.type ~= "unicast" then
		return ("the route to %s is %s"):format(q.addr, route.type)
	elseif route and route.type == "unicast" and self.node.kind ~= "switch" then
		local key = q.family == "inet" and "net.ipv4.ip_forward" or "net.ipv6.conf.all.forwarding"
		if self.ns.sysctl[key] == 0 then
			return ("it does not forward: %s is 0"):format(key)
		end
		local back = route_at(self.ns, hop.src)
		local strict = math.max(self.ns.sysctl["net.ipv4.conf.all.rp_filter"] or 0,
			self.ns.sysctl[("net/ipv4/conf/%s/rp_filter"):format(hop.iif)] or 0)
		if q.family == "inet" and strict > 0 and back.dev ~= hop.iif then
			return ("rp_filter dropped it: the way back to %s is not %s"):format(hop.src, hop.iif)
		end
		if hop.ttl and hop.ttl <= 1 then
			return "its time to live ended"
		end
		return not_sent_on(self.ns, route.via or q.addr, route.dev, q.size)
	end
	return "it was seen here, and nobody saw it afterwards"
end

--- Follow the packet from node to node.
local function follow(layout, watches, q)
	local hops, node, arrived = {}, layout.nodes[q.names.from], nil
	while #hops < 256 do
		local self = watches[node.name]
		local hop = { node = node.name, iif = arrived and arrived.name, rules = rules_of(self) }
		local frame = arrived and first_frame(
			self, q, "in", function(f) return f.index == arrived.index end)
		hop.ttl, hop.src = frame and frame.ttl, frame and frame.src
		if node.kind ~= "switch" then
			hop.route = route_at(self.ns, q.addr)
		end
		hops[#hops + 1] = hop
		local out = not (node.name == q.names.to and arrived) and way_out(watches, self, q, hop.iif)
		if not out then
			return hops, self
		end
		hop.oif = out.name
		local there = watches[out.other.node.name]
		local seen = first_frame(there, q, "in", function(f) return f.index == out.other.index end)
		if not seen then
			return hops, self
		end
		node, arrived = out.other.node, out.other
	end
	return hops, watches[node.name]
end

local walk_methods = {}
local walk_mt = { __name = "netns.walk", __index = walk_methods }

local function route_words(route)
	if not route then
		return ""
	elseif route.error then
		return "no route (" .. route.error .. ")"
	elseif route.type == "local" then
		return "local"
	end
	return ("%s%s%s"):format(route.type ~= "unicast" and route.type .. " " or "",
		route.via and "via " .. route.via .. " " or "", route.dev and "dev " .. route.dev or "")
end

--- walk:text() -> the walk, a line for each hop and each rule
function walk_methods:text()
	local lines = { ("%s -> %s %s (%s): %s"):format(self.from, self.to, self.what, self.addr,
		self.verdict.verdict) }
	for i, hop in ipairs(self.hops) do
		lines[#lines + 1] = ("%3d. %s  %s > %s  %s"):format(i, hop.node, hop.iif or "-", hop.oif or "-",
			route_words(hop.route)):gsub(" +$", "")
		for _, rule in ipairs(hop.rules) do
			local counters = rule.counters and (" [%d packets]"):format(rule.counters.packets) or ""
			lines[#lines + 1] = ("       %s: %s%s"):format(rule.chain, rule.policy
				and "policy " .. rule.verdict or ("%s (handle %d)"):format(rule.text or "?", rule.handle),
				counters)
		end
	end
	lines[#lines + 1] = ("     at %s: %s"):format(self.ended.node, self.ended.why)
	return table.concat(lines, "\n")
end

walk_mt.__tostring = walk_methods.text

--- Walk one question (as rows.lua makes them) through the running lab.
local function walk(self, q)
	local running, watches, match = self.running, {}, match_of(q)
	local layout = running.layout
	local guard <close> = setmetatable({}, { __close = function()
		for _, each in next, watches do
			each:close()
		end
	end })
	for _, node in ipairs(layout.order) do
		watches[node.name] = watch(node, running.namespaces[node.name], match)
	end
	local verdict = probes.ask({ { from = q.from, to = q.to, proto = q.proto, port = q.port,
		family = q.family, addr = q.addr, size = q.size, listen = q.listen } },
		{ settle = q.settle or 0.05 }, ways.of { self }, nil, true)[1]
	for _, each in next, watches do
		each:finish()
	end
	local hops, last = follow(layout, watches, q)
	local hop = hops[#hops]
	local out = setmetatable({ from = q.names.from, to = q.names.to,
		what = q.names.what, family = q.family, addr = q.addr, verdict = verdict, hops = hops }, walk_mt)
	if verdict.delivered then
		out.ended = { node = q.names.to, why = verdict.why }
	else
		local why, rule = ending(last, hop, q, verdict)
		out.ended = { node = hop.node, why = why, rule = rule }
	end
	return guard and out
end

local methods = {}

--- lab:explain(from, to, what [, family]) -> walk
function methods:explain(from, to, what, family)
	live.running(self, "lab explain")
	local function name_of(value, attr)
		local name = nodes.is_node(value) and value.name or value
		local node = type(name) == "string" and self.running.layout.nodes[name]
		if not node or node.kind == "switch" then
			misuse(attr, "'%s' is no host or router of this lab", tostring(name))
		end
		return name
	end
	local names = { from = name_of(from, "from"), to = name_of(to, "to"), what = what }
	local proto, port = rows_of.parse_what(what)
	if not proto then
		misuse("what", "'%s': \"icmp\", \"tcp/PORT\" or \"udp/PORT\" expected", tostring(what))
	elseif family ~= nil and family ~= "inet" and family ~= "inet6" then
		misuse("family", "\"inet\" or \"inet6\" expected")
	end
	local addr = self:address_of(names.to, family, nil)
	for _, each in ipairs { "inet", "inet6" } do
		local near = (family or each) == each and self:address_of(names.to, each, names.from)
		addr = near or addr
		if near then
			break
		end
	end
	if not addr then
		misuse("to", "%s has no address to ask for", names.to)
	end
	return walk(self, { names = names, proto = proto, port = port, addr = addr,
		family = addr:find(":", 1, true) and "inet6" or "inet", listen = proto ~= "icmp" or nil,
		from = self.running.namespaces[names.from], to = self.running.namespaces[names.to] })
end

return { explain = methods.explain, walk = walk }
