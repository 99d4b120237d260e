-- SPDX-License-Identifier: MIT
-- netns.proof.way - where a lab's packets were to go: by which link of the sender, to which router
--
-- The kernel takes the routes of a link away that goes down, and then says only that there is none.
-- The lab still knows: the longest prefix of the node's subnets and computed routes. And a router
-- whose routes refuse an address sends one error a second to a host, whatever its sysctls say
-- (ip_error() of the kernel): the lab can look who would have sent one.

local prefix = require "netns.prefix"
local routing = require "netns.lab.routing"

local MOST_HOPS = 64

-- The routes of each layout: computed when they are first asked for.
local computed = setmetatable({}, { __mode = "k" })

local function routes_of(running, node)
	if running.options.routing == "none" then
		return {}
	end
	local layout = running.layout
	computed[layout] = computed[layout] or routing.compute(layout)
	return computed[layout][node] or {}
end

--- The name of the link, or nil where the description leads nowhere.
local function planned(running, name, addr)
	local node, target = running.layout.nodes[name], prefix.parse(addr)
	local dev, longest
	local function try(net, through)
		if net and net:contains(target) and net.length > (longest or -1) then
			dev, longest = through, net.length
		end
	end
	for _, interface in ipairs(target and node.interfaces or {}) do
		try(interface.address and interface.address[target.family], interface.name)
	end
	for _, route in ipairs(target and routes_of(running, node) or {}) do
		local any = route.family == "inet6" and "::/0" or "0.0.0.0/0"
		try(prefix.parse(route.dst == "default" and any or route.dst), route.dev)
	end
	return dev
end

--- A function of a namespace of one of these labs and an address: the `way` of probe.lua's ask().
local function of(labs)
	local nodes
	return function(ns, addr)
		if not nodes then
			nodes = {}
			for _, lab in ipairs(labs) do
				for name, handle in next, lab.running.namespaces do
					nodes[handle] = { running = lab.running, name = name }
				end
			end
		end
		local found = nodes[ns]
		return found and planned(found.running, found.name, addr)
	end
end

-- Which interface has an address, in each layout.
local owners = setmetatable({}, { __mode = "k" })

--- The interface of a layout that has the address; nil for none.
local function owner(layout, addr)
	if not owners[layout] then
		local by = {}
		for _, node in ipairs(layout.order) do
			for _, interface in ipairs(node.interfaces) do
				for _, address in next, interface.address or {} do
					by[address:address()] = interface
				end
			end
		end
		owners[layout] = by
	end
	return owners[layout][addr]
end

-- What a lookup says where the router sends an error; for a blackhole (EINVAL) it does not.
local refusals = { ENETUNREACH = true, EHOSTUNREACH = true, EACCES = true }

--- The router on the way from a node to an address whose routes refuse it; nil for none.
local function refusing(running, from, addr)
	local name = from
	for hop = 1, MOST_HOPS do
		local routes = running.namespaces[name].route
		local found, route = pcall(routes.lookup, routes, addr)
		if not found then
			return hop > 1 and refusals[route.code] and name or nil
		end
		local following = route.type == "unicast" and owner(running.layout, route.via or addr)
		if not following or following.node.name == name then
			return nil
		end
		name = following.node.name
	end
end

return { of = of, planned = planned, owner = owner, refusing = refusing }
