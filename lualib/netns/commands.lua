-- SPDX-License-Identifier: MIT
-- netns.commands - the command lines that do by hand what an operation does
--
-- iproute2's words are the keys of the specs wherever it has one, so the tables below are mostly
-- an order. A row is { key, word, how }: how the value is written, see `writers`. What only a
-- listing has is passed over, as everywhere; a key that no row knows is refused, since a line that
-- does less than the operation would be a lie.

local core = require "netns.core"
local firewall = require "netns.firewall"
local sysctl = require "netns.sysctl"

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
	link = set_of("name", "kind", "peer", "data", "state", "carrier", "stats", "link_netnsid"),
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

-- What `ip link add` does not take: it follows in a line of its own.
local link_later = { "alias", "addrgenmode" }

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

-- The lines: each maker takes an operation and returns an array of commands, each a list of words.

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

local function kind_words(out, spec)
	if not spec.kind then
		return out
	end
	writers.value(out, "type", check("kind", spec.kind))
	local data = spec.data or {}
	for _, key in ipairs(sorted_keys("data", data)) do
		local value = data[key]
		if type(value) == "boolean" then
			value = value and 1 or 0
		end
		writers.value(out, key, check("data." .. key, value))
	end
	if spec.peer then
		out[#out + 1] = "peer"
		append(out, spec.peer, peer_words, "peer")
	end
	return out
end

--- A veth as it is listed names its peer as `link`.
local function with_peer(spec)
	if spec.kind ~= "veth" or spec.peer or not spec.link then
		return spec
	end
	local out = {}
	for key, value in next, spec do
		out[key] = value
	end
	out.peer, out.link = { name = spec.link }, nil
	return out
end

local makers = {
	link = {}, addr = {}, route = {}, netns = {}, sysctl = {}, nft = {}, exec = {}, qdisc = {},
	ntable = {},
}

function makers.link.add(op)
	local spec, without, later = with_peer(op.spec), {}, {}
	for _, key in ipairs(link_later) do
		if spec[key] ~= nil then
			without[key], without.up = true, true
			later[key] = spec[key]
		end
	end
	local add = ip(op, "link", "add", "name", needed(spec, "name"))
	append(add, spec, link_words, "link", without)
	local commands = { kind_words(add, spec) }
	local there = { ns = spec.netns or op.ns }
	if next(later) then
		commands[2] = append(ip(there, "link", "set", "dev", spec.name), later, link_words, "link")
		if spec.up ~= nil then
			commands[3] = ip(there, "link", "set", "dev", spec.name, spec.up and "up" or "down")
		end
	end
	if spec.peer and spec.peer.up then
		there.ns = spec.peer.netns or op.ns
		commands[#commands + 1] = ip(there, "link", "set", "dev", needed(spec.peer, "name"), "up")
	end
	return commands
end

-- `ip link replace` asks for what the kernel refuses; where nothing was, it means to add.
makers.link.replace = makers.link.add

function makers.link.set(op)
	local spec = op.spec
	local set = ip(op, "link", "set", "dev", needed(spec, "name"))
	-- addrgenmode counts when the link comes up, and the kernel reads a line's `up` first
	local apart = spec.addrgenmode ~= nil and spec.up ~= nil
	local commands = { append(set, spec, link_words, "link", apart and { up = true }) }
	if spec.data then
		commands[2] = kind_words(ip(op, "link", "set", "dev", spec.name), spec)
	end
	if apart then
		local there = { ns = spec.netns or op.ns }
		commands[#commands + 1] = ip(there, "link", "set", "dev", spec.rename or spec.name,
			spec.up and "up" or "down")
	end
	return commands
end

function makers.link.delete(op)
	return { ip(op, "link", "delete", "dev", needed(op.spec, "name")) }
end

local function addr_line(verb)
	return function(op)
		return { append(ip(op, "addr", verb, needed(op.spec, "addr")), op.spec, addr_words, "addr") }
	end
end

makers.addr.add = addr_line "add"
makers.addr.replace = addr_line "replace"
makers.addr.set = addr_line "change"
makers.addr.delete = addr_line "delete"

function makers.addr.flush(op)
	return { append(ip(op, "addr", "flush"), op.spec, addr_words, "addr") }
end

local function route_command(op, verb)
	local spec = op.spec
	local command = ip(op)
	local hops = spec.nexthops
	local first = type(hops) == "table" and type(hops[1]) == "table" and hops[1] or {}
	local gateway = is_inet6(spec.via) or is_inet6(first.via)
	if spec.family == "inet6" or is_inet6(spec.dst)
		or (gateway and (not spec.dst or spec.dst == "default") and spec.family ~= "inet") then
		command[#command + 1] = "-6"
	end
	for _, word in ipairs { "route", verb } do
		command[#command + 1] = word
	end
	if spec.type and spec.type ~= "unicast" then
		command[#command + 1] = check("type", spec.type)
	end
	if verb ~= "flush" or spec.dst ~= nil then
		command[#command + 1] = needed(spec, "dst")
	end
	return append(command, spec, route_words, "route")
end

for verb, word in pairs {
	add = "add", replace = "replace", set = "change", delete = "delete", flush = "flush",
} do
	makers.route[verb] = function(op)
		return { route_command(op, word) }
	end
end

-- The words of a qdisc's data, in tc's order; `jitter` follows the delay without a word.
local qdisc_words = {
	{ "limit", "limit" }, { "delay", "delay" }, { "jitter" }, { "loss", "loss" },
	{ "duplicate", "duplicate" }, { "corrupt", "corrupt" }, { "reorder", "reorder" },
	{ "rate", "rate" }, { "burst", "burst" }, { "latency", "latency" },
}

local function qdisc_line(verb)
	return function(op)
		local spec, data = op.spec, op.spec.data or {}
		local command = { "tc", "-n", op.ns, "qdisc", verb, "dev", spec.dev }
		if spec.parent and spec.parent ~= "root" then
			command[#command + 1] = "parent"
		end
		command[#command + 1] = spec.parent or "root"
		if spec.handle then
			writers.value(command, "handle", spec.handle)
		end
		command[#command + 1] = spec.kind
		local known = {}
		for _, row in ipairs(qdisc_words) do
			local value = data[row[1]]
			known[row[1]] = true
			if value ~= nil then
				command[#command + 1] = row[2]
				command[#command + 1] = tostring(value)
			end
		end
		for key in next, data do
			if not known[key] then
				misuse(tostring(key), "qdisc: there is no word for it")
			end
		end
		return { command }
	end
end

makers.qdisc.add = qdisc_line "add"
makers.qdisc.replace = qdisc_line "replace"
makers.qdisc.set = qdisc_line "change"
makers.qdisc.delete = qdisc_line "delete"

function makers.ntable.set(op)
	local name = op.spec.name or op.spec.family == "inet6" and "ndisc_cache" or "arp_cache"
	return { append(ip(op, "ntable", "change", "name", name), op.spec, ntable_words, "ntable") }
end

function makers.netns.add(op)
	return { { "ip", "netns", "add", op.ns } }
end

function makers.netns.delete(op)
	return { { "ip", "netns", "delete", op.ns } }
end

local function inside(op, ...)
	return { "ip", "netns", "exec", op.ns, ... }
end

function makers.sysctl.set(op)
	local commands = {}
	for i, key in ipairs(sysctl.order(sorted_keys("spec", op.spec))) do
		local value = check(key, op.spec[key])
		commands[i] = inside(op, "sysctl", "-q", "-w", key .. "=" .. value)
	end
	return commands
end

function makers.nft.run(op)
	local command = inside(op, "nft")
	local variables = firewall.definitions("operation line", op.spec.vars)
	table.sort(variables)
	for _, variable in ipairs(variables) do
		command[#command + 1] = "-D"
		command[#command + 1] = variable
	end
	command[#command + 1] = "-f"
	command[#command + 1] = "-"
	command.stdin = needed(op.spec, "text")
	return { command }
end

function makers.nft.flush(op)
	return { inside(op, "nft", "flush", "ruleset") }
end

function makers.exec.run(op)
	local command = inside(op)
	if op.spec[1] == nil then
		misuse("argv", "the program and its arguments are missing")
	end
	for i, word in ipairs(op.spec) do
		command[#command + 1] = check(("argv[%d]"):format(i), word)
	end
	return { command }
end

function makers.exec.spawn(op)
	local command = inside(op, table.unpack(op.spec))
	command.background = true
	return { command }
end

-- From words to text

--- One word as a shell reads it back.
local function quote(word)
	word = tostring(word)
	if word:find("^[%w_@%%+=:,./-]+$") then
		return word
	end
	return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- What a shell reads up to a line that the text does not have.
local function here_document(text)
	local mark = "EOF"
	while ("\n" .. text .. "\n"):find("\n" .. mark .. "\n", 1, true) do
		mark = mark .. "_"
	end
	return (" <<'%s'\n%s%s%s"):format(mark, text, text:find("\n$") and "" or "\n", mark)
end

local function text_of(command)
	local words = {}
	for i, word in ipairs(command) do
		words[i] = quote(word)
	end
	local line = table.concat(words, " ") .. (command.background and " &" or "")
	return command.stdin and line .. here_document(command.stdin) or line
end

--- The commands for an operation: an array of strings for a POSIX shell, mostly one.
local function lines(op)
	local maker = makers[op.object] and makers[op.object][op.verb]
	if not maker then
		misuse("verb", ("no command does %s %s"):format(tostring(op.object), tostring(op.verb)))
	end
	local out = {}
	for i, command in ipairs(maker(op)) do
		out[i] = text_of(command)
	end
	return out
end

return { lines = lines, quote = quote }
