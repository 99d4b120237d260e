-- SPDX-License-Identifier: MIT
-- netns.proof.mutants - what can be taken away from a lab: firewall rules, policies, routes,
-- settings
--
-- A mutant is { node, what, apply }: `apply(ns)` takes the thing away in the node of a copy. What
-- there is to take away is read from the lab as it runs, not from what was written.

local ruleset = require "netns.proof.ruleset"

local mutants = {}

function mutants.firewall(node, ns, add)
	local found = ruleset.read(ns)
	for _, chain in ipairs(found.chains) do
		if chain.policy == "drop" then
			add(node, ("policy drop of %s"):format(chain.name), function(copy)
				copy.nft:run(("add chain %s { policy accept; }"):format(chain.name))
			end)
		end
	end
	for _, rule in ipairs(found.rules) do
		add(node, ("rule in %s: %s"):format(rule.chain, rule.text), function(copy)
			copy.nft:run(("delete rule %s handle %d"):format(rule.chain, rule.handle))
		end)
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

--- Settings that the lab made, or somebody since: each goes back to what a fresh namespace has.
function mutants.sysctls(node, ns, add, context)
	local keys, changed = {}, context.changed[node] or {}
	for key in next, context.sysctls[node] or {} do
		keys[#keys + 1] = key
	end
	for key in next, changed do
		keys[#keys + 1] = not (context.sysctls[node] or {})[key] and key or nil
	end
	table.sort(keys)
	for _, key in ipairs(keys) do
		local usual = context.usual(key)
		if usual == nil and changed[key] then -- of a link that a fresh namespace does not have
			usual = changed[key].was
		end
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
		if link.bridge_slave and link.bridge_slave.isolated then
			add(node, ("isolated port %s"):format(link.name), function(copy)
				copy.link:set { name = link.name, bridge_slave = { isolated = false } }
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

return { find = find }
