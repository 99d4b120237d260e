-- SPDX-License-Identifier: MIT
-- netns.commands - the command lines that do by hand what an operation does
--
-- Each maker takes an operation and returns an array of commands, each a list of words.

local firewall = require "netns.firewall"
local sysctl = require "netns.sysctl"
local words = require "netns.words"

local append, check, ip, misuse, needed = words.append, words.check, words.ip, words.misuse,
	words.needed
local writers = words.writers
local addr_words, route_words, ntable_words = words.addr, words.route, words.ntable

local makers = {
	link = require "netns.link_commands", addr = {}, route = {}, netns = {}, sysctl = {}, nft = {},
	exec = {}, qdisc = {}, ntable = {}, vlan = {},
}

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
	local gateway = words.is_inet6(spec.via) or words.is_inet6(first.via)
	if spec.family == "inet6" or words.is_inet6(spec.dst)
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

local function vlan_line(verb)
	return function(op)
		local spec = op.spec
		local command = { "bridge", "-n", op.ns, "vlan", verb, "dev", needed(spec, "dev"), "vid",
			tostring(needed(spec, "vid")) }
		for _, flag in ipairs { "pvid", "untagged" } do
			command[#command + 1] = verb == "add" and spec[flag] and flag or nil
		end
		return { command }
	end
end

makers.vlan.add = vlan_line "add"
makers.vlan.replace = vlan_line "add"
makers.vlan.set = vlan_line "add"
makers.vlan.delete = vlan_line "del"

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
	for i, key in ipairs(sysctl.order(words.sorted_keys("spec", op.spec))) do
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
	local quoted = {}
	for i, word in ipairs(command) do
		quoted[i] = quote(word)
	end
	local line = table.concat(quoted, " ") .. (command.background and " &" or "")
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
