-- SPDX-License-Identifier: MIT
-- netns.proof.mutants - what can be taken away from a lab: firewall rules, policies, routes, settings
--
-- A mutant is { node, what, apply }: `apply(ns)` takes the thing away in the node of a copy. What
-- there is to take away is read from the lab as it runs, not from what was written.

local mutants = {}

--- The texts of the rules of a listing, in its order: { ["family table chain"] = { text, ... } }. A
--- rule may go over several lines, until its braces are closed.
local function rule_texts(listing)
	local texts, scope, chain, pending, depth = {}, nil, nil, nil, 0
	for line in listing:gmatch("[^\n]+") do
		local family, name = line:match("^table (%S+) (%S+) {")
		local in_chain = line:match("^\tchain (%S+) {")
		if family then
			scope = family .. " " .. name
		elseif in_chain then
			chain = scope .. " " .. in_chain
			texts[chain] = {}
		elseif line:find("^\t}") then
			chain = nil
		elseif chain and not line:find("^\t\ttype %S+ hook") and not line:find("^\t\tpolicy ")
			and not line:find("^\t\tcomment ") then
			local text = line:gsub("^%s+", "")
			pending = pending and pending .. " " .. text or text
			for brace in text:gsub('"[^"]*"', ""):gmatch("[{}]") do
				depth = depth + (brace == "{" and 1 or -1)
			end
			if depth == 0 then
				table.insert(texts[chain], pending)
				pending = nil
			end
		end
	end
	return texts
end

function mutants.firewall(node, ns, add)
	local texts, position = rule_texts(ns.nft:list()), {}
	for _, item in ipairs(ns.nft:json().nftables) do
		local rule, chain = item.rule, item.chain
		if rule then
			local place = ("%s %s %s"):format(rule.family, rule.table, rule.chain)
			position[place] = (position[place] or 0) + 1
			local text = texts[place] and texts[place][position[place]] or "handle " .. rule.handle
			add(node, ("rule in %s: %s"):format(place, text), function(copy)
				copy.nft:run(("delete rule %s handle %d"):format(place, rule.handle))
			end)
		elseif chain and chain.policy == "drop" then
			local place = ("%s %s %s"):format(chain.family, chain.table, chain.name)
			add(node, ("policy drop of %s"):format(place), function(copy)
				copy.nft:run(("add chain %s { policy accept; }"):format(place))
			end)
		end
	end
end

function mutants.routes(node, ns, add)
	for _, route in ipairs(ns.route:list()) do
		if route.proto ~= "kernel" and route.type ~= "multicast" then
			local via = route.via and " via " .. route.via or ""
			local kind = route.type ~= "unicast" and route.type .. " " or ""
			add(node, ("route %s%s%s"):format(kind, route.dst, via), function(copy)
				copy.route:delete { dst = route.dst, via = route.via, dev = route.dev, type = route.type,
					family = route.family, metric = route.metric }
			end)
		end
	end
end

--- Settings that the lab made: each goes back to what a fresh namespace has.
function mutants.sysctls(node, ns, add, context)
	local keys = {}
	for key in next, context.sysctls[node] or {} do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for _, key in ipairs(keys) do
		local usual = context.usual(key)
		local value = ns.sysctl[key]
		if usual ~= nil and usual ~= value then
			add(node, ("sysctl %s = %s"):format(key, tostring(value)), function(copy)
				copy.sysctl[key] = usual
			end)
		end
	end
end

--- Ports of a switch that may not talk to each other, and VLANs.
function mutants.ports(node, ns, add)
	for _, link in ipairs(ns.link:list()) do
		if link.master and link.port and link.port.isolated then
			add(node, ("isolated port %s"):format(link.name), function(copy)
				copy.link:set { name = link.name, port = { isolated = false } }
			end)
		end
		if link.kind == "bridge" and link.data and link.data.vlan_filtering then
			add(node, ("vlan_filtering of %s"):format(link.name), function(copy)
				copy.link:set { name = link.name, kind = "bridge", data = { vlan_filtering = false } }
			end)
		end
	end
end

--- All mutants of the running namespaces: { [name] = ns }, `order` the names.
local function find(order, namespaces, context)
	local list = {}
	for _, name in ipairs(order) do
		for _, what in ipairs { "firewall", "routes", "sysctls", "ports" } do
			mutants[what](name, namespaces[name], function(node, text, apply)
				list[#list + 1] = { node = node, what = text, apply = apply }
			end, context)
		end
	end
	return list
end

return { find = find, rule_texts = rule_texts }
