-- SPDX-License-Identifier: MIT
-- netns.lab.description - what a lab is to be: nodes and links, as plain data
--
-- Design: the description holds what the user said and nothing that follows from it (layout.lua
-- does that), so that it can be stored, compared and given to lab.new again. What a single call
-- can see to be wrong (a key, a type, a name's characters) raises there; what only the whole shows
-- is found by check.lua, all of it at once. `from` is the line of the script.

local core = require "netns.core"
local caller = require "netns.caller"

local kinds = { host = true, router = true, switch = true, internet = true }

local function misuse(op, attr, message, ...)
	core.raise { op = op, attr = attr, message = message:format(...), code = "EINVAL",
		misuse = true }
end

local function is_array(value)
	return type(value) == "table" and (rawlen(value) > 0 or next(value) == nil)
end

-- Checks: each returns nil, or what was expected.

local function a(expected)
	return function(value)
		return type(value) ~= expected and expected .. " expected, got " .. type(value) or nil
	end
end

--- A value, or an array with one for each end.
local function by_end(expected)
	return function(value)
		if type(value) ~= "table" or rawlen(value) > 2 then
			return "an array with one for each end expected"
		end
		for key, each in next, value do
			if key ~= 1 and key ~= 2 then
				return "an array with one for each end expected"
			end
			if each ~= false and not expected[type(each)] then
				return ("end %d: %s is not allowed"):format(key, type(each))
			end
		end
	end
end

local function quantity(value)
	return type(value) ~= "number" and type(value) ~= "string"
		and "a number or a string with a unit expected, got " .. type(value) or nil
end

local function integer(min, max)
	return function(value)
		return not (math.type(value) == "integer" and value >= min and value <= max)
			and ("a whole number from %d to %d expected"):format(min, max) or nil
	end
end

local function subnet(value)
	if value ~= false and type(value) ~= "string" and not is_array(value) then
		return "a prefix, an array of prefixes or false expected, got " .. type(value)
	end
end

--- Settings of a network namespace, by name.
local function settings(value)
	if type(value) ~= "table" then
		return "table expected, got " .. type(value)
	end
	for key in next, value do
		if type(key) ~= "string" or not key:find "^net[./]" then
			return core.show(key) .. ": only what is below net. belongs to a network namespace"
		end
	end
end

--- A command, or an array of them. Whose output must match says that it is captured.
local function commands(value)
	if type(value) ~= "table" then
		return "table expected, got " .. type(value)
	end
	for _, command in ipairs(type(value[1]) == "table" and value or { value }) do
		local ready = type(command) == "table" and command.ready
		if ready and not tostring(ready):find "^%l+/%d+$" and command.stdout ~= "capture"
			and not command.pty then
			return ("ready = %s is looked for in what is captured: stdout = \"capture\""):format(
				core.show(ready))
		end
	end
end

-- The options of a node and of a link: key -> check.

local node_options = {
	stopped = a "boolean", sysctl = settings, nft = a "string", exec = commands, mac = a "string",
	mtu = integer(68, 65535),
}

local link_options = {
	subnet = subnet,
	addresses = by_end { string = true, table = true },
	names = by_end { string = true },
	macs = by_end { string = true },
	mtu = integer(68, 65535),
	vlan = integer(1, 4094),
	up = a "boolean",
	delay = quantity, jitter = quantity, loss = quantity, rate = quantity, reorder = quantity,
	duplicate = quantity, corrupt = quantity,
}

local function read_options(op, options, allowed)
	local out = {}
	if options == nil then
		return out
	end
	if type(options) ~= "table" then
		misuse(op, "options", "table expected, got %s", type(options))
	end
	for key, value in next, options do
		local check = allowed[key]
		local wrong = not check and "unknown key" or check(value)
		if wrong then
			misuse(op, tostring(key), wrong)
		end
		out[key] = value
	end
	return out
end

local function check_name(op, name)
	if type(name) ~= "string" then
		misuse(op, "name", "string expected, got %s", type(name))
	elseif not name:find("^[%w_-]+$") then
		misuse(op, "name", "'%s': a node's name is made of letters, digits, _ and -",
			(name:gsub("[^%g ]", "?")))
	elseif #name > 63 then
		misuse(op, "name", "'%s': a node's name has at most 63 characters", name)
	end
end

--- A node of the description.
local function node(kind, name, options, from)
	local op = "lab " .. kind
	check_name(op, name)
	local out = read_options(op, options, node_options)
	out.name, out.kind, out.from = name, kind, from or caller()
	return out
end

--- A link of the description; the ends are names. Errors call it `op`, "lab link" if not given.
local function link(first, second, options, from, op)
	local out = read_options(op or "lab link", options, link_options)
	out[1], out[2], out.from = first, second, from or caller()
	return out
end

local function copy(value)
	if type(value) ~= "table" then
		return value
	end
	local out = {}
	for key, each in next, value do
		out[key] = copy(each)
	end
	return out
end

--- A shallow copy without some keys.
local function without(t, ...)
	local out = {}
	for key, value in next, t do
		out[key] = value
	end
	for _, key in ipairs { ... } do
		out[key] = nil
	end
	return out
end

local pool_names = { inet = "10.0.0.0/8", inet6 = "fd00::/48" }

local function read_pools(pools)
	local out = {}
	if pools ~= nil and type(pools) ~= "table" then
		misuse("lab new", "pools", "table expected, got %s", type(pools))
	end
	for family, pool in next, pools or {} do
		if not pool_names[family] then
			misuse("lab new", "pools." .. tostring(family), "unknown key: inet and inet6 are families")
		elseif pool ~= false and type(pool) ~= "string" then
			misuse("lab new", "pools." .. family, "a prefix or false expected, got %s", type(pool))
		end
	end
	for family, usual in next, pool_names do
		local pool = pools and pools[family]
		out[family] = pool == nil and usual or pool
	end
	return out
end

--- An empty description, or a checked copy of one.
local function new(given, from)
	if given == nil or type(given) == "string" then
		if given then
			check_name("lab new", given)
		end
		return { name = given, pools = read_pools(), nodes = {}, links = {} }
	end
	if type(given) ~= "table" then
		misuse("lab new", "description", "a name or a description expected, got %s", type(given))
	end
	for key in next, given do
		if key ~= "name" and key ~= "pools" and key ~= "nodes" and key ~= "links" then
			misuse("lab new", tostring(key), "unknown key")
		end
	end
	local out = new(given.name)
	out.pools = read_pools(given.pools)
	for i, each in ipairs(given.nodes or {}) do
		if type(each) ~= "table" or not kinds[each.kind] then
			misuse("lab new", ("nodes[%d].kind"):format(i),
				"\"host\", \"router\", \"switch\" or \"internet\" expected")
		end
		out.nodes[i] = node(each.kind, each.name,
			copy(without(each, "name", "kind", "from")), each.from or from)
	end
	for i, each in ipairs(given.links or {}) do
		if type(each) ~= "table" then
			misuse("lab new", ("links[%d]"):format(i), "table expected, got %s", type(each))
		end
		out.links[i] = link(each[1], each[2], copy(without(each, 1, 2, "from")), each.from or from)
	end
	return out
end

return {
	new = new, node = node, link = link, copy = copy, without = without,
	options = { node = node_options, link = link_options },
}
