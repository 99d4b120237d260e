-- SPDX-License-Identifier: MIT
-- netns.lab.routing - static routes by the shortest path, over routers
--
-- Routers get a route to every segment that they are not on. A host gets a default route through
-- the router that leads to most of what it cannot reach itself, and routes to the segments for
-- which another router is nearer. Where there is an outside, the default routes lead there. Of
-- paths of the same length the one through the node that was described first is taken.

local addressing = require "netns.lab.addressing"

local function members_with(segment, family)
	local list = {}
	for _, member in ipairs(segment.members) do
		if member.address[family] then
			list[#list + 1] = member
		end
	end
	return list
end

--- The graph of one family: for each segment its routers, for each node its segments.
local function graph(layout, family)
	local g = { routers = {}, interfaces = {} }
	for _, segment in ipairs(layout.segments) do
		local routers = {}
		for _, member in ipairs(members_with(segment, family)) do
			if member.node.kind == "router" then
				routers[#routers + 1] = member
			end
		end
		g.routers[segment] = routers
	end
	for _, node in ipairs(layout.order) do
		local list = {}
		for _, interface in ipairs(node.interfaces) do
			if interface.segment and interface.address and interface.address[family] then
				list[#list + 1] = interface
			end
		end
		g.interfaces[node] = list
	end
	return g
end

--- How many routers away each router is from the nodes at distance 0 in `starts`.
local function distances(g, starts)
	local distance, queue, head = {}, {}, 1
	for _, node in ipairs(starts) do
		if not distance[node] then
			distance[node] = 0
			queue[#queue + 1] = node
		end
	end
	local visited = {}
	while queue[head] do
		local node = queue[head]
		head = head + 1
		for _, interface in ipairs(g.interfaces[node]) do
			local segment = interface.segment
			if not visited[segment] then
				visited[segment] = true
				for _, member in ipairs(g.routers[segment]) do
					if not distance[member.node] then
						distance[member.node] = distance[node] + 1
						queue[#queue + 1] = member.node
					end
				end
			end
		end
	end
	return distance
end

--- The neighbour (an interface of another node) through which `node` gets nearest, and ours.
local function nearest(g, node, distance)
	local best, own, shortest
	for _, interface in ipairs(g.interfaces[node]) do
		for _, member in ipairs(g.routers[interface.segment]) do
			local d = member.node ~= node and distance[member.node]
			if d and (not shortest or d < shortest) then
				best, own, shortest = member, interface, d
			end
		end
	end
	return best, own
end

local function nodes_of(members)
	local list = {}
	for i, member in ipairs(members) do
		list[i] = member.node
	end
	return list
end

--- Hosts on the same segments have the same answers, so they are asked for once.
local function place_of(g, node)
	local ids = {}
	for i, interface in ipairs(g.interfaces[node]) do
		ids[i] = tostring(interface.segment)
	end
	return table.concat(ids, " ")
end

local function route_to(dst, via, own, family)
	return { dst = dst, via = via.address[family]:address(), dev = own.name }
end

--- The neighbour that most of the routes go through.
local function most_used(ways)
	local count, best = {}, nil
	for _, way in ipairs(ways) do
		local via = way.via
		count[via] = (count[via] or 0) + 1
		if not best or count[via] > count[best] then
			best = via
		end
	end
	return best
end

--- Ways: { segment, via = interface of a neighbour, own side's segment } to all that `node` is not
--- on.
local function ways_from(g, layout, node, by_segment)
	local ways, is_on = {}, {}
	for _, interface in ipairs(g.interfaces[node]) do
		is_on[interface.segment] = true
	end
	for _, segment in ipairs(layout.segments) do
		local distance = by_segment[segment]
		if distance and not is_on[segment] then
			local via, own = nearest(g, node, distance)
			if via then
				ways[#ways + 1] = { segment = segment, via = via, through = own.segment }
			end
		end
	end
	return ways
end

local function interface_on(node, segment)
	for _, interface in ipairs(node.interfaces) do
		if interface.segment == segment then
			return interface
		end
	end
end

local function add_outside(routes, node, family, out)
	if node.kind == "internet" then
		return nil
	end
	for _, interface in ipairs(node.interfaces) do
		local member = out.at[interface.segment or false]
		if member and interface.address[family] and member.address[family] then
			routes[#routes + 1] = route_to("default", member, interface, family)
			return member
		end
	end
	local via = out.g and nearest(out.g, node, out.distance)
	local own = via and interface_on(node, via.segment)
	if via and own and own.address[family] then
		routes[#routes + 1] = route_to("default", via, own, family)
		return via
	end
end

--- The outside, in one family: where it is (`at`, by segment), and how far each router is from it.
local function outside_of(g, layout)
	local starts, at = {}, {}
	for _, segment in ipairs(layout.segments) do
		for _, member in ipairs(segment.members) do
			if member.node.kind == "internet" then
				at[segment] = at[segment] or member
				table.move(nodes_of(g.routers[segment]), 1, #g.routers[segment], #starts + 1, starts)
			end
		end
	end
	return { at = at, g = #starts > 0 and g or nil, distance = distances(g, starts) }
end

local function family_routes(layout, family, add)
	local g = graph(layout, family)
	local by_segment, text, remembered, out = {}, {}, {}, outside_of(g, layout)
	for _, segment in ipairs(layout.segments) do
		text[segment] = segment.subnet[family] and tostring(segment.subnet[family]:network())
		if text[segment] and #g.routers[segment] > 0 then
			by_segment[segment] = distances(g, nodes_of(g.routers[segment]))
		end
	end
	for _, node in ipairs(layout.order) do
		if node.kind ~= "switch" then
			local routes = {}
			local default = add_outside(routes, node, family, out)
			local ways
			if node.kind == "router" then
				ways = ways_from(g, layout, node, by_segment)
			else
				local place = place_of(g, node)
				ways = remembered[place] or ways_from(g, layout, node, by_segment)
				remembered[place] = ways
			end
			if node.kind == "host" and not default then
				default = most_used(ways)
				local own = default and interface_on(node, default.segment)
				routes[1] = default and route_to("default", default, own, family)
			end
			for _, way in ipairs(ways) do
				if node.kind ~= "host" or way.via ~= default then
					local own = interface_on(node, way.through)
					routes[#routes + 1] = route_to(text[way.segment], way.via, own, family)
				end
			end
			for _, route in ipairs(routes) do
				if route.dst == "default" then
					route.family = family
				end
				add(node, route)
			end
		end
	end
end

--- The routes of each node: { [node] = { route spec, ... } }, and how many routers the longest path
--- between two segments has (an upper bound).
local function compute(layout)
	local routes, routers = {}, 0
	for _, node in ipairs(layout.order) do
		routes[node] = {}
		routers = routers + (node.kind == "router" and 1 or 0)
	end
	for _, family in ipairs(addressing.families) do
		family_routes(layout, family, function(node, route)
			routes[node][#routes[node] + 1] = route
		end)
	end
	return routes, routers
end

return { compute = compute }
