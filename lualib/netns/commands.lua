-- SPDX-License-Identifier: MIT
-- netns.commands - the command lines that do by hand what an operation does
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

-- Written at their place in the line, not by a row; or known to listings only.
local passed_over = {
	link = set_of("name", "kind", "peer", "data", "state", "carrier", "stats", "link_netnsid"),
	peer = set_of("up"),
	nexthop = set_of("flags"),
	addr = set_of("addr", "family", "proto"),
	route = set_of("dst", "type", "family", "flags"),
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

function writers.netns(out, word, value)
	local name = type(value) == "userdata" and value.name or value
	if type(name) ~= "string" and math.type(name) ~= "integer" then
		misuse("netns", "a namespace without a name cannot be written in a command")
	end
	writers.value(out, word, name)
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

--- Append the words of `spec` in the order of `rows`.
function append(out, spec, rows, what, without)
	local known = {}
	for _, row in ipairs(rows) do
		local key, word, how = row[1], row[2], row[3]
		known[key] = true
		if spec[key] ~= nil and not (without and without[key]) then
			writers[how or "value"](out, word, spec[key], spec)
		end
	end
	for key in next, spec do
		if not known[key] and not passed_over[what][key] then
			misuse(tostring(key), what .. ": there is no word for it")
		end
	end
	return out
end

-- The lines: each maker takes an operation and returns an array of commands, each a list of words.

local function ip(op, ...)
	return { "ip", "-n", op.ns, ... }
end

local function kind_words(out, spec)
	if not spec.kind then
		return out
	end
	writers.value(out, "type", spec.kind)
	local data = spec.data or {}
	local keys = {}
	for key in next, data do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for _, key in ipairs(keys) do
		local value = data[key]
		if type(value) == "boolean" then
			value = value and 1 or 0
		end
		writers.value(out, key, value)
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

local makers = { link = {}, addr = {}, route = {}, netns = {}, sysctl = {}, nft = {}, exec = {} }

function makers.link.add(op)
	local spec, without, later = with_peer(op.spec), {}, {}
	for _, key in ipairs(link_later) do
		if spec[key] ~= nil then
			without[key], without.up = true, true
			later[key] = spec[key]
		end
	end
	local add = append(ip(op, "link", "add", "name", spec.name), spec, link_words, "link", without)
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
		commands[#commands + 1] = ip(there, "link", "set", "dev", spec.peer.name, "up")
	end
	return commands
end

-- `ip link replace` asks for what the kernel refuses; where nothing was, it means to add.
makers.link.replace = makers.link.add

function makers.link.set(op)
	local set = ip(op, "link", "set", "dev", op.spec.name)
	local commands = { append(set, op.spec, link_words, "link") }
	if op.spec.data then
		commands[2] = kind_words(ip(op, "link", "set", "dev", op.spec.name), op.spec)
	end
	return commands
end

function makers.link.delete(op)
	return { ip(op, "link", "delete", "dev", op.spec.name) }
end

local function addr_line(verb)
	return function(op)
		return { append(ip(op, "addr", verb, op.spec.addr), op.spec, addr_words, "addr") }
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
	local first = spec.nexthops and spec.nexthops[1] or {}
	local gateway = is_inet6(spec.via) or is_inet6(first.via)
	if spec.family == "inet6" or is_inet6(spec.dst)
		or (gateway and (not spec.dst or spec.dst == "default") and spec.family ~= "inet") then
		command[#command + 1] = "-6"
	end
	for _, word in ipairs { "route", verb } do
		command[#command + 1] = word
	end
	if spec.type and spec.type ~= "unicast" then
		command[#command + 1] = spec.type
	end
	command[#command + 1] = spec.dst
	return append(command, spec, route_words, "route")
end

for verb, word in pairs {
	add = "add", replace = "replace", set = "change", delete = "delete", flush = "flush",
} do
	makers.route[verb] = function(op)
		return { route_command(op, word) }
	end
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
	local keys, commands = {}, {}
	for key in next, op.spec do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for i, key in ipairs(keys) do
		commands[i] = inside(op, "sysctl", "-q", "-w", key .. "=" .. tostring(op.spec[key]))
	end
	return commands
end

local function nft_value(value)
	return type(value) == "table" and "{ " .. table.concat(value, ", ") .. " }" or tostring(value)
end

function makers.nft.run(op)
	local command, names = inside(op, "nft"), {}
	for name in next, op.spec.vars or {} do
		names[#names + 1] = name
	end
	table.sort(names)
	for _, name in ipairs(names) do
		command[#command + 1] = "-D"
		command[#command + 1] = name .. "=" .. nft_value(op.spec.vars[name])
	end
	command[#command + 1] = "-f"
	command[#command + 1] = "-"
	command.stdin = op.spec.text
	return { command }
end

function makers.nft.flush(op)
	return { inside(op, "nft", "flush", "ruleset") }
end

function makers.exec.run(op)
	return { inside(op, table.unpack(op.spec)) }
end

-- From words to text

--- One word as a shell reads it back.
local function quote(word)
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
	local line = table.concat(words, " ")
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
