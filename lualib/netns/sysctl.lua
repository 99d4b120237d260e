-- SPDX-License-Identifier: MIT
-- netns.sysctl - ns.sysctl: a namespace's settings below net/, as a table and with the verbs that
-- make sense for what is always there: get, set, list

local core = require "netns.core"

local sysctl_methods = {}
local NS = {} -- the key of an object's namespace

local function misuse(op, attr, message)
	core.raise { op = op, attr = attr, message = message, code = "EINVAL", misuse = true }
end

local function namespace(self, op)
	local ns = type(self) == "table" and rawget(self, NS)
	if not ns then
		misuse(op, "self", "call it as ns.sysctl:" .. op:match("%a+$") .. "(...)")
	end
	core.check(ns, op)
	return ns
end

local function read_one(ns, key)
	if key == nil then
		misuse("sysctl get", "key", "string expected, got nil")
	end
	return core.sysctl.read(ns, "sysctl get", { key })[1]
end

--- Does path `a` come before `b`? What is general comes first: the fewer parts the earlier, `all`
--- before `default` before an interface. For writing net.ipv4.ip_forward changes conf/*, and
--- conf/all some of each interface's.
local function comes_before(a, b)
	if a.depth ~= b.depth then
		return a.depth < b.depth
	end
	return a.rank < b.rank
end

--- Sort an array of keys into the order in which they are to be set.
local function order(keys)
	local places = {}
	for _, key in ipairs(keys) do
		local path = type(key) == "string" and core.sysctl.path(key) or ""
		local rank = path:gsub("/all/", "/\0/"):gsub("/default/", "/\1/")
		places[key] = { depth = select(2, path:gsub("/", "")), rank = rank }
	end
	table.sort(keys, function(a, b)
		return comes_before(places[a], places[b])
	end)
	return keys
end

local function keys_of(spec)
	local keys = {}
	for key in next, spec do
		keys[#keys + 1] = key
	end
	return keys
end

--- Is it tables, one after the other, and nothing else?
local function is_array_of_tables(spec)
	local n = 0
	for i, each in next, spec do
		if math.type(i) ~= "integer" or i < 1 or i > rawlen(spec) or type(each) ~= "table" then
			return false
		end
		n = n + 1
	end
	return n == rawlen(spec)
end

--- Set the keys of a table, or of an array of tables in its order.
function sysctl_methods:set(spec)
	local ns = namespace(self, "sysctl set")
	if type(spec) ~= "table" then
		misuse("sysctl set", "spec", "a table of keys and values expected, got " .. type(spec))
	end
	local is_array = rawlen(spec) > 0
	local keys, values, indexes = {}, {}, {}
	if is_array and not is_array_of_tables(spec) then
		misuse("sysctl set", "spec", "a table of keys and values, or an array of such, expected")
	end
	for i, each in ipairs(is_array and spec or { spec }) do
		for _, key in ipairs(order(keys_of(each))) do
			local n = #keys + 1
			keys[n], values[n], indexes[n] = key, rawget(each, key), is_array and i or 0
		end
	end
	core.sysctl.write(ns, "sysctl set", keys, values, indexes)
end

--- The value of a key, nil when there is no such key; of an array of keys a table.
function sysctl_methods:get(key)
	local ns = namespace(self, "sysctl get")
	if type(key) ~= "table" then
		return read_one(ns, key)
	end
	local values, found = core.sysctl.read(ns, "sysctl get", key), {}
	for i = 1, rawlen(key) do
		found[rawget(key, i)] = values[i]
	end
	return found
end

--- What can be read below a key: a table of keys and values.
function sysctl_methods:list(key)
	local ns = namespace(self, "sysctl list")
	local keys = core.sysctl.find(ns, "sysctl list", key == nil and "net" or key)
	local values, found = core.sysctl.read(ns, "sysctl list", keys, true), {}
	for i = 1, #keys do
		found[keys[i]] = values[i]
	end
	return found
end

local sysctl_mt = { __name = "netns.sysctl", __methods = sysctl_methods }

function sysctl_mt:__index(key)
	return sysctl_methods[key] or read_one(self[NS], key)
end

function sysctl_mt:__newindex(key, value)
	core.sysctl.write(self[NS], "sysctl set", { key }, { value }, { 0 })
end

function sysctl_mt:__pairs()
	return next, self:list()
end

function sysctl_mt:__tostring()
	return ("netns.sysctl (%s)"):format(core.label(self[NS]))
end

--- `ns.sysctl` of a namespace.
local function new(ns)
	return setmetatable({ [NS] = ns }, sysctl_mt)
end

return { new = new, order = order, methods = sysctl_methods }
