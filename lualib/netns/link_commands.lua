-- SPDX-License-Identifier: MIT
-- netns.link_commands - the command lines that do by hand what an operation on a link does

local kind_words = require "netns.kind_words"
local words = require "netns.words"

local append, check, ip, misuse, needed = words.append, words.check, words.ip, words.misuse,
	words.needed
local link_words, peer_words, writers = words.link, words.peer, words.writers
local sorted_keys = words.sorted_keys

-- What `ip link add` does not take: it follows in a line of its own.
local link_later = { "alias", "addrgenmode" }

local makers = {}

--- Append the words of the table `data`, whose strings hold no NUL.
local function data_words(out, kind, data)
	local keys = sorted_keys("data", data)
	for _, key in ipairs(keys) do
		if type(data[key]) ~= "boolean" and type(data[key]) ~= "table" then
			check("data." .. key, data[key])
		end
	end
	return kind_words.append(out, kind, data, keys, misuse)
end

local function type_words(out, spec)
	if not spec.kind then
		return out
	end
	writers.value(out, "type", check("kind", spec.kind))
	data_words(out, spec.kind, spec.data or {})
	if spec.peer then
		out[#out + 1] = "peer"
		append(out, spec.peer, peer_words, "peer")
	end
	return out
end

--- What a master adds to its ports, and other names: lines of their own. `ns` is where the link is.
local function after_words(commands, ns, name, spec)
	local there = { ns = ns }
	for _, kind in ipairs { "bridge_slave", "bond_slave" } do
		if spec[kind] and next(spec[kind]) then
			local set = ip(there, "link", "set", "dev", name, "type", kind)
			local bare = #set
			data_words(set, kind, spec[kind])
			commands[#commands + 1] = #set > bare and set or nil
		end
	end
	if spec.altnames and #spec.altnames > 0 then
		local add = ip(there, "link", "property", "add", "dev", name)
		for _, other in ipairs(spec.altnames) do
			writers.value(add, "altname", check("altnames", other))
		end
		commands[#commands + 1] = add
	end
end

--- A veth as it is listed names its peer as `link`.
local function with_peer(spec)
	if (spec.kind ~= "veth" and spec.kind ~= "netkit") or spec.peer or not spec.link then
		return spec
	end
	local out = {}
	for key, value in next, spec do
		out[key] = value
	end
	out.peer, out.link = { name = spec.link }, nil
	return out
end

--- `ip tuntap` has no mode that goes without saying.
local function with_mode(data)
	local out = { mode = "tun" }
	for key, value in next, data or {} do
		out[key] = value
	end
	return out
end

function makers.add(op)
	local spec, without, later = with_peer(op.spec), {}, {}
	for _, key in ipairs(link_later) do
		if spec[key] ~= nil then
			without[key], without.up = true, true
			later[key] = spec[key]
		end
	end
	if spec.bond_slave then
		without.up = true -- a bond takes no port that is up
	end
	local there = { ns = spec.netns or op.ns }
	local function set_line()
		return ip(there, "link", "set", "dev", spec.name)
	end
	local commands = {}
	if spec.kind == "tun" then
		commands[1] = ip(there, "tuntap", "add", "dev", needed(spec, "name"))
		data_words(commands[1], "tun", with_mode(spec.data))
		without.netns = true
		local set = append(set_line(), spec, link_words, "link", without)
		commands[2] = #set > #set_line() and set or nil
	else
		local add = ip(op, "link", "add", "name", needed(spec, "name"))
		append(add, spec, link_words, "link", without)
		commands[1] = type_words(add, spec)
	end
	if next(later) then
		commands[#commands + 1] = append(set_line(), later, link_words, "link")
	end
	after_words(commands, there.ns, spec.name, spec)
	if without.up and spec.up ~= nil then
		commands[#commands + 1] = set_line()
		table.insert(commands[#commands], spec.up and "up" or "down")
	end
	if spec.peer and spec.peer.up then
		there.ns = spec.peer.netns or op.ns
		commands[#commands + 1] = ip(there, "link", "set", "dev", needed(spec.peer, "name"), "up")
	end
	return commands
end

-- `ip link replace` asks for what the kernel refuses; where nothing was, it means to add.
makers.replace = makers.add

function makers.set(op)
	local spec = op.spec
	local set = ip(op, "link", "set", "dev", needed(spec, "name"))
	-- addrgenmode counts when the link comes up, and the kernel reads a line's `up` first
	local apart = spec.addrgenmode ~= nil and spec.up ~= nil
	local commands = { append(set, spec, link_words, "link", apart and { up = true }) }
	if spec.data then
		commands[2] = type_words(ip(op, "link", "set", "dev", spec.name), spec)
	end
	after_words(commands, spec.netns or op.ns, spec.rename or spec.name, spec)
	if apart then
		local there = { ns = spec.netns or op.ns }
		commands[#commands + 1] = ip(there, "link", "set", "dev", spec.rename or spec.name,
			spec.up and "up" or "down")
	end
	return commands
end

function makers.delete(op)
	return { ip(op, "link", "delete", "dev", needed(op.spec, "name")) }
end

return makers
