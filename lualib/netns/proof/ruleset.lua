-- SPDX-License-Identifier: MIT
-- netns.proof.ruleset - a namespace's firewall as a list of chains and rules, each with its text
--
-- libnftables tells handles in JSON and a rule's words in its own language; both list rules in the
-- same order, so they are matched by it.

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

local function counters_of(rule)
	for _, each in ipairs(rule.expr or {}) do
		if each.counter and each.counter.packets then
			return { packets = each.counter.packets, bytes = each.counter.bytes }
		end
	end
end

--- { rules = { { chain, handle, text, counters } }, chains = { { name, policy, hook } } }; a
--- chain's name is "family table chain".
local function read(ns)
	local texts, position, out = rule_texts(ns.nft:list()), {}, { rules = {}, chains = {} }
	for _, item in ipairs(ns.nft:json().nftables) do
		local rule, chain = item.rule, item.chain
		if rule then
			local name = ("%s %s %s"):format(rule.family, rule.table, rule.chain)
			position[name] = (position[name] or 0) + 1
			table.insert(out.rules, {
				chain = name;
				handle = rule.handle;
				text = texts[name] and texts[name][position[name]] or "handle " .. rule.handle;
				counters = counters_of(rule);
			})
		elseif chain then
			table.insert(out.chains, {
				name = ("%s %s %s"):format(chain.family, chain.table, chain.name);
				policy = chain.policy;
				hook = chain.hook;
			})
		end
	end
	return out
end

return { read = read, rule_texts = rule_texts }
