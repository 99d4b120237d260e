-- SPDX-License-Identifier: MIT
-- netns.words - the words of iproute2 for the fields of specs, and how they are written
--
-- iproute2's words are the keys of the specs wherever it has one, so the tables below are mostly
-- an order. A row is { key, word, how }: how the value is written, see `writers`. What only a
-- listing has is passed over, as everywhere; a key that no row knows is refused, since a line that
-- does less than the operation would be a lie.

local core = require "netns.core"

local function set_of(...)
	local set = {}
	for _, name in ipairs { ... } do
		set[name] = true
	end
	return set
end

-- The words

local link_words = {
	{ "index", "index" }, { "link", "link" }, { "rename", "name" }, { "netns", "netns", "netns" },
	{ "mtu", "mtu" }, { "mac", "address" }, { "txqlen", "txqueuelen" }, { "group", "group" },
	{ "numtxqueues", "numtxqueues" }, { "numrxqueues", "numrxqueues" },
	{ "arp", "arp", "switch" }, { "promisc", "promisc", "switch" },
	{ "allmulticast", "allmulticast", "switch" }, { "master", "master", "master" },
	{ "alias", "alias" }, { "addrgenmode", "addrgenmode" }, { "up", nil, "updown" },
}

local peer_words = {
	{ "name", "name" }, { "index", "index" }, { "mtu", "mtu" }, { "mac", "address" },
	{ "txqlen", "txqueuelen" }, { "group", "group" }, { "numtxqueues", "numtxqueues" },
	{ "numrxqueues", "numrxqueues" }, { "netns", "netns", "netns" },
}

local addr_words = {
	{ "peer", "peer" }, { "broadcast", "broadcast" }, { "label", "label" }, { "scope", "scope" },
	{ "metric", "metric" }, { "valid", "valid_lft", "seconds" },
	{ "preferred", "preferred_lft", "seconds" },
	{ "flags", nil, "words" }, { "dev", "dev" },
}

local nexthop_words = {
	{ "via", "via", "via" }, { "dev", "dev" }, { "weight", "weight" }, { "onlink", "onlink", "flag" },
}

local route_words = {
	{ "from", "from" }, { "tos", "tos" }, { "via", "via", "via" }, { "dev", "dev" },
	{ "src", "src" }, { "metric", "metric" }, { "table", "table" }, { "proto", "proto" },
	{ "scope", "scope" }, { "mtu", "mtu" }, { "advmss", "advmss" }, { "window", "window" },
	{ "hoplimit", "hoplimit" }, { "initcwnd", "initcwnd" }, { "initrwnd", "initrwnd" },
	{ "cwnd", "cwnd" }, { "reordering", "reordering" }, { "quickack", "quickack" },
	{ "pref", "pref" }, { "onlink", "onlink", "flag" }, { "nexthops", nil, "nexthops" },
}

local ntable_words = {
	{ "dev", "dev" }, { "base_reachable", "base_reachable" }, { "retrans", "retrans" },
	{ "gc_stale", "gc_stale" }, { "delay_probe", "delay_probe" }, { "queue", "queue" },
	{ "app_probes", "app_probes" }, { "ucast_probes", "ucast_probes" },
	{ "mcast_probes", "mcast_probes" }, { "anycast_delay", "anycast_delay" },
	{ "proxy_delay", "proxy_delay" }, { "proxy_queue", "proxy_queue" }, { "locktime", "locktime" },
}

-- Written at their place in the line, not by a row; or known to listings only.
local passed_over = {
	link = set_of("name", "kind", "peer", "data", "state", "carrier", "stats", "link_netnsid",
		"bridge_slave", "bond_slave", "vrf_slave", "altnames"),
	peer = set_of("up"),
	nexthop = set_of("flags"),
	addr = set_of("addr", "family", "proto"),
	route = set_of("dst", "type", "family", "flags"),
	ntable = set_of("name", "family", "reachable"),
}

-- Address flags that the kernel sets and `ip` has no word for.
local kernel_flags = set_of("permanent", "tentative", "secondary", "deprecated", "dadfailed",
	"stable_privacy")
local flag_words = { homeaddress = "home", mcautojoin = "autojoin" }

local function misuse(attr, message)
	core.raise { op = "operation line", attr = attr, message = message, code = "EINVAL",
		misuse = true }
end

local function is_inet6(address)
	return type(address) == "string" and address:find(":", 1, true) ~= nil
end

local append

-- Writers append the words of one value; `spec` is all of it.
local writers = {}

function writers.value(out, word, value)
	out[#out + 1] = word
	if math.type(value) == "float" and math.tointeger(value) then
		value = math.tointeger(value)
	end
	out[#out + 1] = tostring(value)
end

function writers.switch(out, word, value)
	out[#out + 1] = word
	out[#out + 1] = value and "on" or "off"
end

function writers.updown(out, _, value)
	out[#out + 1] = value and "up" or "down"
end

local units = { s = 1, m = 60, min = 60, h = 3600 }

--- `ip` counts in seconds.
function writers.seconds(out, word, value)
	local number, unit = tostring(value):match("^(%d+)(%a*)$")
	writers.value(out, word, units[unit] and number * units[unit] or value)
end

function writers.flag(out, word, value)
	out[#out + 1] = value and word or nil
end

function writers.words(out, _, values)
	for _, name in ipairs(values) do
		if not kernel_flags[name] then
			out[#out + 1] = flag_words[name] or name
		end
	end
end

function writers.master(out, _, value)
	if value == 0 then
		out[#out + 1] = "nomaster"
	else
		writers.value(out, "master", value)
	end
end

--- A name, a pid, or the name of a handle.
local function netns_word(value)
	local name = type(value) == "userdata" and value.name or value
	if type(name) ~= "string" and math.type(name) ~= "integer" then
		misuse("netns", "a namespace without a name cannot be written in a command")
	end
	return tostring(name)
end

function writers.netns(out, word, value)
	writers.value(out, word, netns_word(value))
end

--- A gateway of the other family needs its family said.
function writers.via(out, word, value, spec)
	out[#out + 1] = word
	if is_inet6(value) and spec.dst and spec.dst ~= "default" and not is_inet6(spec.dst) then
		out[#out + 1] = "inet6"
	end
	out[#out + 1] = value
end

function writers.nexthops(out, _, values)
	for _, hop in ipairs(values) do
		out[#out + 1] = "nexthop"
		append(out, hop, nexthop_words, "nexthop")
	end
end

-- What each writer takes; the rest strings and numbers.
local taken = {
	switch = "boolean", updown = "boolean", flag = "boolean", words = "table", nexthops = "table",
}

local function check(key, value, how)
	local kind = type(value)
	if taken[how] and kind ~= taken[how] then
		misuse(key, taken[how] .. " expected, got " .. kind)
	elseif not taken[how] and how ~= "netns" and kind ~= "string" and kind ~= "number" then
		misuse(key, "string or number expected, got " .. kind)
	elseif kind == "string" and value:find("\0", 1, true) then
		misuse(key, "the string holds a NUL byte")
	end
	return value
end

--- A field without which there is no line.
local function needed(spec, key)
	if spec[key] == nil then
		misuse(key, "is missing")
	end
	return check(key, spec[key])
end

--- Append the words of `spec` in the order of `rows`.
function append(out, spec, rows, what, without)
	local known = {}
	if type(spec) ~= "table" then
		misuse(what, "table expected, got " .. type(spec))
	end
	for _, row in ipairs(rows) do
		local key, word, how = row[1], row[2], row[3]
		known[key] = true
		if spec[key] ~= nil and not (without and without[key]) then
			writers[how or "value"](out, word, check(key, spec[key], how), spec)
		end
	end
	for key, value in next, spec do
		if passed_over[what][key] then
			local kind = type(value)
			if kind == "function" or kind == "thread" or kind == "userdata" then
				misuse(key, "a " .. kind .. " has no meaning here")
			end
		elseif not known[key] then
			misuse(type(key) == "string" and key or "spec", what .. ": there is no word for it")
		end
	end
	return out
end

local function ip(op, ...)
	return { "ip", "-n", netns_word(op.ns), ... }
end

--- The keys of a table, which must be strings, in order.
local function sorted_keys(what, t)
	local keys = {}
	if type(t) ~= "table" then
		misuse(what, "table expected, got " .. type(t))
	end
	for key in next, t do
		if type(key) ~= "string" then
			misuse(what, "a key of type " .. type(key) .. " has no meaning here")
		end
		keys[#keys + 1] = key
	end
	table.sort(keys)
	return keys
end

return {
	addr = addr_words, append = append, check = check, ip = ip, is_inet6 = is_inet6,
	link = link_words, misuse = misuse, needed = needed, ntable = ntable_words,
	peer = peer_words, route = route_words, sorted_keys = sorted_keys, writers = writers,
}
