-- SPDX-License-Identifier: MIT
-- netns.lab.plan - a layout as operations, in the order that the kernel carries out fastest
--
-- Theory. A pure function: no privilege, no kernel. Namespaces come first, then what must be known
-- before links appear; each cable is made in one step with its far end in place, both ends up
-- before addresses come; switches come up last, since each port that is added to one that is up
-- floods all the others. What a node of the lab always gets: `lo` up; IPv6 link-local addresses
-- that it need not wait for (fe80:: and the number of its address; a router cannot ask for
-- neighbours without one); neighbours that are given up soon after they do not answer (the kernel's
-- own three seconds are for longer cables); and no limit on ICMP errors, which would make refusals
-- look like silence.

local operations = require "netns.operations"
local addressing = require "netns.lab.addressing"
local impairment = require "netns.lab.impairment"
local routing = require "netns.lab.routing"

local LONG_PATH = 60 -- routers; from there on the usual TTL of 64 does not suffice
local BRIDGE = "br0"
local BRIDGE_INDEX = 16
local USUAL_VLAN = 1 -- of every port that is made

local function add(ops, node, verb, object, spec, from)
	ops[#ops + 1] = operations.new(node.name, verb, object, spec, from)
end

-- Sysctls that name a link can be written only when it is there.
local function names_a_link(key)
	local dev = key:gsub("/", "."):match("%.conf%.([^.]+)%.")
		or key:gsub("/", "."):match("%.neigh%.([^.]+)%.")
	return dev and dev ~= "all" and dev ~= "default"
end

local function split_sysctls(node)
	local early, late = {}, {}
	for key, value in next, node.sysctl or {} do
		local into = names_a_link(key) and late or early
		into[key] = value
	end
	return early, late
end

--- What every node's own stack is told, under what the user wants.
local function early_sysctls(node, families, routers)
	local early = split_sysctls(node)
	local function usually(key, value)
		if early[key] == nil then
			early[key] = value
		end
	end
	if node.kind == "switch" then
		if families.inet6 ~= nil then
			usually("net.ipv6.conf.default.disable_ipv6", 1)
		end
		return early
	end
	usually("net.ipv4.icmp_ratemask", 0) -- of which messages there is a limit
	if families.inet6 then
		usually("net.ipv6.icmp.ratelimit", 0)
	end
	if node.kind == "router" then
		usually("net.ipv4.ip_forward", 1)
		if families.inet6 then
			usually("net.ipv6.conf.all.forwarding", 1)
		end
	end
	if routers > LONG_PATH then
		usually("net.ipv4.ip_default_ttl", 255)
		if families.inet6 then
			usually("net.ipv6.conf.default.hop_limit", 255)
		end
	end
	return early
end

--- The near end of a cable is where it is made: a switch, which can have it as a port at once, else
--- the first.
local function is_near(interface)
	local here, there = interface.node.kind == "switch", interface.other.node.kind == "switch"
	if here ~= there then
		return here
	end
	return interface.side == 1
end

--- A cable is down while it is unplugged, or a node at one of its ends is stopped.
local function is_up(interface)
	return interface.link.up ~= false and not interface.node.stopped
		and not interface.other.node.stopped
end

local function end_spec(interface)
	local node = interface.node
	return {
		name = interface.name;
		index = interface.index;
		mac = interface.mac;
		mtu = interface.link.mtu or node.mtu;
		master = node.kind == "switch" and BRIDGE or nil;
		numtxqueues = 1; -- one for each CPU costs two waits of the kernel's a cable
		numrxqueues = 1;
	}
end

local function cable_spec(near, far)
	local spec, peer = end_spec(near), end_spec(far)
	spec.kind = "veth"
	if near.node.kind == "switch" then
		spec.up = is_up(near)
	end
	peer.master = nil
	peer.netns = far.node.name
	spec.peer = peer
	return spec
end

--- What the message that makes a cable does not say of its ends.
local function finish_end(ops, interface)
	local spec = { name = interface.name }
	if interface.node.kind == "switch" then
		if is_near(interface) then
			return
		end
		spec.master = BRIDGE
	else
		spec.addrgenmode = "none"
	end
	spec.up = is_up(interface)
	add(ops, interface.node, "set", "link", spec, interface.link.from)
end

--- How long a node waits for a neighbour's answer before it asks again, in ms.
local function neighbours(ops, interface)
	if not interface.address then
		return
	end
	local retrans = math.max(50, math.ceil(4000 * impairment.seconds(interface.link.delay)))
	for _, family in ipairs(addressing.families) do
		if interface.address[family] then
			add(ops, interface.node, "set", "ntable", { dev = interface.name, family = family,
				retrans = retrans }, interface.link.from)
		end
	end
end

local function sorted_pairs(t)
	local keys = {}
	for key in next, t do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	local i = 0
	return function()
		i = i + 1
		return keys[i], t[keys[i]]
	end
end

local function addresses(ops, node)
	for _, family in ipairs(addressing.families) do
		for _, interface in ipairs(node.interfaces) do
			local address = interface.address and interface.address[family]
			-- the kernel takes IPv6 addresses away from a link that goes down
			if address and (family == "inet" or is_up(interface)) then
				local spec = { dev = interface.name, addr = tostring(address) }
				if family == "inet6" then
					spec.flags = { "nodad" }
					add(ops, node, "add", "addr", { dev = interface.name, flags = spec.flags,
						addr = tostring(address:link_local()) }, interface.link.from)
				end
				add(ops, node, "add", "addr", spec, interface.link.from)
			end
		end
		if node.address and node.address[family] then
			add(ops, node, "add", "addr", { dev = "lo", addr = tostring(node.address[family]),
				flags = family == "inet6" and { "nodad" } or nil }, node.from)
		end
	end
end

local function families_of(layout)
	local families = {}
	for _, segment in ipairs(layout.segments) do
		for family in next, segment.subnet do
			families[family] = true
		end
	end
	return families
end

--- Bridges: made down, brought up at the end.
local function make_bridge(ops, node, vlans)
	add(ops, node, "add", "link", {
		name = BRIDGE;
		index = BRIDGE_INDEX;
		kind = "bridge";
		mtu = node.mtu;
		data = vlans and { vlan_filtering = true } or nil;
	}, node.from)
end

--- What VLANs a port of a switch is in: one, without tags, or between switches all that are used.
local function port_vlans(ops, interface, vlans)
	local function put(verb, spec)
		spec.dev = interface.name
		add(ops, interface.node, verb, "vlan", spec, interface.link.from)
	end
	local vlan = interface.link.vlan
	if interface.other.node.kind == "switch" then
		for _, each in ipairs(vlans) do
			if each ~= USUAL_VLAN then
				put("add", { vid = each })
			end
		end
	elseif vlan and vlan ~= USUAL_VLAN then
		put("add", { vid = vlan, pvid = true, untagged = true })
		put("delete", { vid = USUAL_VLAN })
	end
end

local function cables(ops, layout)
	local by_node = {}
	for _, ends in ipairs(layout.cables) do
		local near, far = ends[1], ends[2]
		if is_near(far) then
			near, far = far, near
		end
		by_node[near.node] = by_node[near.node] or {}
		table.insert(by_node[near.node], { near, far })
	end
	for _, node in ipairs(layout.order) do
		for _, pair in ipairs(by_node[node] or {}) do
			add(ops, node, "add", "link", cable_spec(pair[1], pair[2]), pair[1].link.from)
		end
	end
end

local function commands_of(node)
	local exec = node.exec
	if not exec or node.stopped then
		return {}
	end
	return type(exec[1]) == "table" and exec or { exec }
end

--- The operations of a layout. `options.routing` = "none": no routes.
local function new(layout, options)
	local ops, families = {}, families_of(layout)
	local routes, routers = {}, 0
	if not options or options.routing ~= "none" then
		routes, routers = routing.compute(layout)
	end
	for _, node in ipairs(layout.order) do
		add(ops, node, "add", "netns", nil, node.from)
	end
	for _, node in ipairs(layout.order) do
		local early = early_sysctls(node, families, routers)
		if next(early) then
			add(ops, node, "set", "sysctl", early, node.from)
		end
		if node.kind == "switch" then
			make_bridge(ops, node, layout.vlans[node.name])
		end
	end
	cables(ops, layout)
	for _, node in ipairs(layout.order) do
		add(ops, node, "set", "link", { name = "lo", up = true }, node.from)
		for _, interface in ipairs(node.interfaces) do
			finish_end(ops, interface)
		end
		for _, interface in ipairs(node.interfaces) do
			neighbours(ops, interface)
			if layout.vlans[node.name] then
				port_vlans(ops, interface, layout.vlans[node.name])
			end
		end
	end
	for _, node in ipairs(layout.order) do
		if node.kind ~= "switch" then
			addresses(ops, node)
			local up = {}
			for _, interface in ipairs(node.interfaces) do
				up[interface.name] = is_up(interface)
			end
			for _, route in ipairs(routes[node] or {}) do
				if up[route.dev] then
					add(ops, node, "add", "route", route, node.from)
				end
			end
		end
		local _, late = split_sysctls(node)
		for key, value in sorted_pairs(late) do
			add(ops, node, "set", "sysctl", { [key] = value }, node.from)
		end
		for _, interface in ipairs(node.interfaces) do
			impairment.plan(interface, options or {}, function(verb, object, spec)
				add(ops, node, verb, object, spec, interface.link.from)
			end)
		end
		if node.nft then
			add(ops, node, "run", "nft", { text = node.nft }, node.from)
		end
	end
	for _, node in ipairs(layout.order) do
		if node.kind == "switch" then
			add(ops, node, "set", "link", { name = BRIDGE, up = true }, node.from)
		end
	end
	for _, node in ipairs(layout.order) do
		for _, command in ipairs(commands_of(node)) do
			add(ops, node, "spawn", "exec", command, node.from)
		end
	end
	return ops
end

return { new = new }
