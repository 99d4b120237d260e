-- SPDX-License-Identifier: MIT
-- netns.lab.layout - a description with everything chosen that it leaves open: interfaces, MACs,
-- segments
--
-- Theory. A segment is what shares one layer-2 network: the two ends of a cable, or all that hangs
-- on switches that are joined, of each VLAN by itself. Everything is chosen from the description
-- alone, in its order, so the same description gives the same lab every time. Given the layout of
-- the lab as it stands (`previous`), what was chosen there is kept, so that a change elsewhere does
-- not rename or renumber what stays.
--
-- A layout is { nodes = { [name] = node }, order = { node, ... }, segments = { segment, ... } }:
--   node       { name, kind, interfaces = { interface, ... }, ... the description's options }
--   interface  { node, name, mac, index, peer, link, side, segment,
--                address = { [family] = prefix } }
--   segment    { members = { interface, ... }, subnet = { [family] = prefix } }
-- Mistakes go into an array of { message, from }; with any of them the layout is not usable.

local addressing = require "netns.lab.addressing"
local impairment = require "netns.lab.impairment"

local MAX_NAME = 15
local USUAL_VLAN = 1
local MAX_PORTS = 1023 -- of a bridge
local LEAST_MTU = 1280 -- of IPv6 (RFC 8200)
local FIRST_INDEX = 17 -- leaves room for the links that tunnel modules put into every namespace

--- FNV-1a, 64 bits.
local function hash(text)
	local h = 0xcbf29ce484222325
	for i = 1, #text do
		h = (h ~ text:byte(i)) * 0x100000001b3
	end
	return h
end

local function index_nodes(description, mistake)
	local layout = { nodes = {}, order = {}, segments = {} }
	for _, given in ipairs(description.nodes) do
		local first = layout.nodes[given.name]
		if first then
			mistake(given.from, "the name '%s' is taken (%s)", given.name, first.from)
		else
			local node = { interfaces = {}, taken = {}, seen = {}, next_index = FIRST_INDEX }
			for key, value in next, given do
				node[key] = value
			end
			layout.nodes[given.name] = node
			layout.order[#layout.order + 1] = node
		end
	end
	return layout
end

--- What an interface is known by from one layout to the next: which of the cables to that peer.
local function identity(node, peer)
	local n = (node.seen[peer] or 0) + 1
	node.seen[peer] = n
	return peer .. "#" .. n
end

local function usual_name(node, peer)
	if node.kind == "switch" and #peer <= MAX_NAME and not node.taken[peer] and peer ~= "lo"
		and peer ~= "br0" then
		return peer
	end
	local stem, n = node.kind == "switch" and "port" or "eth", 0
	while node.taken[stem .. n] do
		n = n + 1
	end
	return stem .. n
end

local function choose_name(interface, given, kept, mistake)
	local node = interface.node
	local name = given or kept and not node.taken[kept.name] and kept.name
		or usual_name(node, interface.peer)
	if given and (#name > MAX_NAME or not name:find("^[%w_.@-]+$") or name:find("^%.%.?$")) then
		mistake(interface.link.from,
			"'%s' (of %s): an interface name is 1 to %d letters, digits and _.@-",
			name, node.name, MAX_NAME)
	elseif node.taken[name] or name == "lo" or (node.kind == "switch" and name == "br0") then
		mistake(interface.link.from, "%s has an interface '%s' already", node.name, name)
	end
	node.taken[name] = true
	return name
end

local function choose_mac(node, name, macs)
	local h = hash(node.name .. "/" .. name)
	local mac
	repeat
		mac = ("02:%02x:%02x:%02x:%02x:%02x"):format(h >> 56 & 255, h >> 48 & 255, h >> 40 & 255,
			h >> 32 & 255, h >> 24 & 255)
		h = h + (1 << 24)
	until not macs[mac]
	macs[mac] = true
	return mac
end

--- The MAC that the user wants for this end: of the link, or of the node for its first cable.
local function given_mac(interface, mistake)
	local link, node = interface.link, interface.node
	local mac = link.macs and link.macs[interface.side]
		or #node.interfaces == 0 and node.mac or nil
	if mac and not mac:find("^%x%x:%x%x:%x%x:%x%x:%x%x:%x%x$") then
		mistake(link.macs and link.from or node.from, "'%s' is no MAC address", mac)
	elseif mac and tonumber(mac:sub(1, 2), 16) & 1 == 1 then
		mistake(link.macs and link.from or node.from, "%s is a multicast address", mac)
	end
	return mac and mac:lower()
end

local function claim_macs(layout, interfaces, mistake)
	local macs = {}
	for _, interface in ipairs(interfaces) do
		local first = interface.mac and macs[interface.mac]
		if first then
			mistake(interface.link.from, "%s has the MAC address %s already (%s)", first.node.name,
				interface.mac, first.link.from)
		end
		macs[interface.mac or ""] = interface
	end
	macs[""] = nil
	for _, node in ipairs(layout.order) do
		for _, interface in ipairs(node.interfaces) do
			interface.mac = interface.mac or choose_mac(node, interface.name, macs)
		end
	end
end

--- The two interfaces of each link. `kept(node, identity)` finds the one of the previous layout.
local function connect(layout, description, kept, mistake)
	local interfaces, pairs_of_ends = {}, {}
	for _, link in ipairs(description.links) do
		local wrong = impairment.wrong(link)
		if wrong then
			mistake(link.from, "%s", wrong)
		end
		local a, b = layout.nodes[link[1]], layout.nodes[link[2]]
		for side = 1, 2 do
			if not layout.nodes[link[side]] then
				mistake(link.from, "there is no node '%s'", tostring(link[side]))
			end
		end
		if a and a == b then
			mistake(link.from, "%s cannot be linked to itself", a.name)
		elseif a and b then
			local ends = {}
			for side, node in ipairs { a, b } do
				local peer = link[3 - side]
				local interface = { node = node, peer = peer, link = link, side = side }
				interface.identity = identity(node, peer)
				local before = kept(node.name, interface.identity)
				interface.before = before
				interface.name = choose_name(interface, link.names and link.names[side] or nil, before,
					mistake)
				interface.mac = given_mac(interface, mistake)
				node.interfaces[#node.interfaces + 1] = interface
				interfaces[#interfaces + 1] = interface
				ends[side] = interface
			end
			ends[1].other, ends[2].other = ends[2], ends[1]
			pairs_of_ends[#pairs_of_ends + 1] = ends
		end
	end
	claim_macs(layout, interfaces, mistake)
	return pairs_of_ends
end

local function choose_indexes(layout)
	for _, node in ipairs(layout.order) do
		local taken = {}
		for _, interface in ipairs(node.interfaces) do
			if interface.before then
				interface.index = interface.before.index
				taken[interface.index] = true
			end
		end
		local index = FIRST_INDEX
		for _, interface in ipairs(node.interfaces) do
			if not interface.index then
				while taken[index] do
					index = index + 1
				end
				interface.index, taken[index] = index, true
			end
		end
	end
end

--- Which switches are joined: a function from a switch to the first of its group.
local function groups(pairs_of_ends)
	local first = {}
	local function find(node)
		while first[node] do
			node = first[node]
		end
		return node
	end
	for _, ends in ipairs(pairs_of_ends) do
		local a, b = ends[1].node, ends[2].node
		if a.kind == "switch" and b.kind == "switch" and find(a) ~= find(b) then
			first[find(b)] = find(a)
		end
	end
	return find
end

local function make_segments(layout, pairs_of_ends, mistake)
	local find, by_group = groups(pairs_of_ends), {}
	local function new_segment()
		local segment = { members = {}, links = {} }
		layout.segments[#layout.segments + 1] = segment
		return segment
	end
	local function segment_of(switch, vlan)
		local group = find(switch)
		by_group[group] = by_group[group] or {}
		by_group[group][vlan] = by_group[group][vlan] or new_segment()
		return by_group[group][vlan]
	end
	for _, ends in ipairs(pairs_of_ends) do
		local a, b, link = ends[1], ends[2], ends[1].link
		local switches = (a.node.kind == "switch" and 1 or 0) + (b.node.kind == "switch" and 1 or 0)
		local segment
		for _, interface in ipairs(ends) do
			if interface.node.kind == "switch" and link.addresses and link.addresses[interface.side] then
				mistake(link.from, "the port of a switch (%s) has no address", interface.node.name)
			end
		end
		if link.vlan and switches ~= 1 then
			mistake(link.from, switches == 2
				and "between %s and %s all VLANs go, so a cable has none of its own"
				or "a VLAN is of a switch's port, and neither %s nor %s is a switch", link[1], link[2])
		end
		if switches == 2 and link.subnet then
			mistake(link.from,
				"a subnet is for a cable that a host or router is at, and %s and %s are switches",
				link[1], link[2])
		end
		if switches == 0 then
			segment = new_segment()
		elseif switches == 1 then
			segment = segment_of(a.node.kind == "switch" and a.node or b.node, link.vlan or USUAL_VLAN)
		end
		for _, interface in ipairs(segment and ends or {}) do
			interface.segment = segment
			if interface.node.kind ~= "switch" then
				segment.members[#segment.members + 1] = interface
			end
		end
		if segment then
			segment.links[#segment.links + 1] = link
		end
	end
end

local function check_connected(layout, mistake)
	if #layout.order < 2 then
		return
	end
	for _, node in ipairs(layout.order) do
		if #node.interfaces == 0 then
			mistake(node.from, "%s is connected to nothing", node.name)
		end
	end
end

--- The VLANs of switches that are joined, by switch: an array of numbers, where some port has one.
local function vlans_of(pairs_of_ends)
	local find, by_group, by_switch = groups(pairs_of_ends), {}, {}
	for _, ends in ipairs(pairs_of_ends) do
		for _, interface in ipairs(ends) do
			local vlan = interface.node.kind == "switch" and interface.link.vlan
			if vlan then
				local group = find(interface.node)
				by_group[group] = by_group[group] or {}
				by_group[group][vlan] = true
			end
		end
	end
	for _, ends in ipairs(pairs_of_ends) do
		for _, interface in ipairs(ends) do
			local used = interface.node.kind == "switch" and by_group[find(interface.node)]
			local list = {}
			for vlan in next, used or {} do
				list[#list + 1] = vlan
			end
			table.sort(list)
			by_switch[interface.node.name] = used and list or nil
		end
	end
	return by_switch
end

local function check_ports(layout, mistake)
	for _, node in ipairs(layout.order) do
		if node.kind == "switch" and #node.interfaces > MAX_PORTS then
			mistake(node.from, "%s has %d cables, and a bridge has at most %d ports: join several",
				node.name, #node.interfaces, MAX_PORTS)
		end
	end
end

--- The kernel takes IPv6 away from a link whose packets are too short for it.
local function check_mtus(layout, mistake)
	for _, ends in ipairs(layout.cables) do
		for _, interface in ipairs(ends) do
			local link, node = interface.link, interface.node
			local mtu = link.mtu or node.mtu
			if mtu and mtu < LEAST_MTU and interface.address and interface.address.inet6 then
				mistake(link.mtu and link.from or node.from, "an MTU of %d (%s of %s) is too small for IPv6, "
					.. "which needs %d: without it, pools = { inet6 = false }", mtu, interface.name, node.name,
					LEAST_MTU)
			end
		end
	end
end

--- The layout of a description, and the array of its mistakes.
local function new(description, previous)
	local mistakes = {}
	local function mistake(from, message, ...)
		mistakes[#mistakes + 1] = { message = message:format(...), from = from }
	end
	local function kept(node, id)
		local before = previous and previous.nodes[node]
		for _, interface in ipairs(before and before.interfaces or {}) do
			if interface.identity == id then
				return interface
			end
		end
	end
	local layout = index_nodes(description, mistake)
	layout.name = description.name
	local pairs_of_ends = connect(layout, description, kept, mistake)
	layout.cables = pairs_of_ends
	choose_indexes(layout)
	make_segments(layout, pairs_of_ends, mistake)
	if not previous then -- of a lab that is up, a cable may have been pulled
		check_connected(layout, mistake)
	end
	check_ports(layout, mistake)
	addressing.assign(layout, description.pools, mistake)
	check_mtus(layout, mistake)
	layout.vlans = vlans_of(pairs_of_ends)
	return layout, mistakes
end

return { new = new }
