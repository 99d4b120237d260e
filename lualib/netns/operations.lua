-- SPDX-License-Identifier: MIT
-- netns.operations - what is to be done, as data: made, printed, applied
--
-- An operation is { ns, verb, object, spec, from }: in which namespace (a name), what to do, to
-- what kind of thing, with which fields, and which line of the user's asked for it. A list of them
-- can be shown, compared or turned into a shell script without privilege; applying it is the one
-- step that touches the kernel.

local core = require "netns.core"
local aheads = require "netns.ahead"
local caller = require "netns.caller"
local commands = require "netns.commands"

local function words(text)
	local out = {}
	for word in text:gmatch "%a+" do
		out[word] = true
	end
	return out
end

local all = words "add replace set delete flush"

-- What each object can be told, and the field that a plain string means.
local objects = {
	netns = { verbs = words "add delete" },
	link = { verbs = all, key = "name" },
	addr = { verbs = all, key = "addr" },
	route = { verbs = all, key = "dst" },
	sysctl = { verbs = words "set" },
	nft = { verbs = words "run flush", key = "text" },
	ntable = { verbs = words "set" },
	vlan = { verbs = all },
	qdisc = { verbs = all, key = "dev" },
	exec = { verbs = words "run spawn" },
}

local function misuse(attr, message, index)
	core.raise { op = "operation", attr = attr, message = message, code = "EINVAL", index = index,
		misuse = true }
end

--- A namespace's name; a handle stands for its own.
local function name_of(ns)
	local name = ns
	if type(ns) == "userdata" then
		name = ns.name
	end
	if type(name) ~= "string" or name == "" then
		misuse("ns", "a namespace's name expected, or a handle that has one")
	end
	return name
end

--- The row of an object that knows the verb.
local function row_of(verb, object, index)
	local row = objects[object]
	if not row then
		misuse("object", core.show(object) .. " is nothing that an operation is about", index)
	end
	if not row.verbs[verb or ""] then
		misuse("verb", object .. " has no " .. core.show(verb), index)
	end
	return row
end

local function check_spec(spec, index)
	if type(spec) ~= "table" then
		misuse("spec", "table expected, got " .. type(spec), index)
	end
end

--- What others made must be an operation too.
local function check(op, index)
	if type(op) ~= "table" then
		misuse("list", "an operation expected, got " .. type(op), index)
	end
	if type(op.ns) ~= "string" then
		misuse("ns", "a namespace's name expected", index)
	end
	row_of(op.verb, op.object, index)
	check_spec(op.spec, index)
end

--- Make an operation; `from` is the caller's line unless given.
local function new(ns, verb, object, spec, from)
	local row = row_of(verb, object)
	if type(spec) == "string" and row.key then
		spec = { [row.key] = spec }
	end
	if spec ~= nil then
		check_spec(spec)
	end
	if from ~= nil and type(from) ~= "string" then
		misuse("from", "string expected, got " .. type(from))
	end
	return {
		ns = name_of(ns);
		verb = verb;
		object = object;
		spec = spec or {};
		from = from or caller();
	}
end

--- The commands that do the same by hand, for an operation or a list of them.
local function lines(list)
	if type(list) ~= "table" then
		misuse("list", "an operation or an array of them expected, got " .. type(list))
	end
	if rawget(list, "verb") ~= nil then
		check(list)
		return commands.lines(list)
	end
	local out = {}
	for i = 1, rawlen(list) do
		local op = rawget(list, i)
		check(op, i)
		local more = commands.lines(op)
		table.move(more, 1, #more, #out + 1, out)
	end
	return out
end

local function copy(t)
	local out = {}
	for key, value in next, t do
		out[key] = value
	end
	return out
end

--- A spec with the handles of the namespaces that it names; itself, if it names none.
local function resolve(spec, namespaces)
	local ns, peer = spec.netns, spec.peer
	if type(ns) ~= "string" and type(peer) ~= "table" then
		return spec
	end
	local out = copy(spec)
	if type(ns) == "string" then
		out.netns = namespaces[ns] or ns
	end
	if type(peer) == "table" then
		out.peer = resolve(peer, namespaces)
	end
	return out
end

local function handle(op, namespaces)
	local ns = namespaces[op.ns]
	if not ns then
		core.raise { op = op.object .. " " .. op.verb, netns = op.ns, code = "ENOENT",
			message = "no namespace of that name is here" }
	end
	return ns
end

-- What is done to each object, for the operations group[1..n] that are alike.

local function each(f)
	return function(group, namespaces, options)
		for i, op in ipairs(group) do
			group.at = i
			f(op, namespaces, options)
		end
	end
end

local flush = each(function(op, namespaces)
	handle(op, namespaces)[op.object]:flush(op.spec)
end)

--- Those that take arrays: rtnetlink's collections, and sysctl.
local function collection(group, namespaces)
	local first, specs = group[1], {}
	if first.verb == "flush" then
		return flush(group, namespaces)
	end
	local target = handle(first, namespaces)[first.object]
	for i, op in ipairs(group) do
		specs[i] = resolve(op.spec, namespaces)
	end
	target[first.verb](target, specs)
end

local appliers = {
	link = collection, addr = collection, route = collection, sysctl = collection,
	ntable = collection, vlan = collection,
	qdisc = collection,
}

appliers.netns = each(function(op, namespaces, options)
	if op.verb == "add" then
		if namespaces[op.ns] then
			core.raise { op = "netns add", subject = op.ns, code = "EEXIST" }
		end
		if options.make then
			namespaces[op.ns] = options.make(op.ns)
			return
		end
		namespaces[op.ns] = core.new()
		core.label(namespaces[op.ns], op.ns)
	else
		local ns = handle(op, namespaces)
		namespaces[op.ns] = nil
		if ns.name and ns.delete then
			ns:delete()
		else
			ns:close()
		end
	end
end)

appliers.nft = each(function(op, namespaces)
	local nft = handle(op, namespaces).nft
	if op.verb == "flush" then
		nft:flush()
	else
		nft:run(op.spec.text, op.spec.vars)
	end
end)

--- "run" waits for its end; a process that is spawned goes to `options.spawned`, which then owns
--- it.
appliers.exec = each(function(op, namespaces, options)
	local ns = handle(op, namespaces)
	if op.verb == "run" then
		ns:exec(op.spec)
		return
	end
	local spec = copy(op.spec)
	spec.ready = nil
	options.spawned(ns:spawn(spec), op)
end)

local function alike(a, b)
	return a.ns == b.ns and a.verb == b.verb and a.object == b.object
end

-- A group's length while a helper makes namespaces: what is done to some goes on while the
-- next ones come.
local SHORT = 64

--- One group: a refusal comes back with its operation, and that operation's line.
local function apply_group(group, namespaces, options)
	local ok, e = pcall(appliers[group[1].object], group, namespaces, options)
	if ok then
		return
	end
	if type(e) == "table" then
		local op = group[group.at or e.index or 1]
		e.operation, e.from, e.index = op, op and op.from, nil
	end
	error(e, 0)
end

--- From `at` on what can travel together, its namespaces made.
local function next_group(list, at, ahead)
	local group = {}
	local carried = ahead and ahead.carries
	local most = ahead and SHORT or math.huge
	repeat
		local op = list[at + #group]
		group[#group + 1] = op
		if ahead and not carried[op] then
			ahead:need(op)
		end
		local following = list[at + #group]
	until not following or #group >= most or not alike(op, following)
		or ahead and carried[op] ~= carried[following]
	return group
end

--- Do all of it, in order; the first refusal raises. `namespaces` maps names to handles: an
--- operation that adds a namespace puts its handle there, anonymous unless `options.make` (a
--- function of the name, such as netns.add) makes it, and one that spawns a process hands it to
--- `options.spawned` (a function of the process and the operation). Neighbours that are alike
--- travel together.
local function apply(list, namespaces, options)
	local at = 1
	if type(list) ~= "table" then
		misuse("list", "array of operations expected, got " .. type(list))
	end
	if type(namespaces) ~= "table" then
		misuse("namespaces", "table of handles expected, got " .. type(namespaces))
	end
	if options ~= nil and type(options) ~= "table" then
		misuse("options", "table expected, got " .. type(options))
	end
	for i = 1, rawlen(list) do
		check(rawget(list, i), i)
	end
	options = options or {}
	local ahead <close> = not options.make and aheads.new(list, namespaces, function(op)
		apply_group({ op }, namespaces, options)
	end) or nil
	while at <= rawlen(list) do
		local group = next_group(list, at, ahead)
		at = at + #group
		if options.progress then
			options.progress(at - 1, #list)
		end
		if not (ahead and ahead.carries[group[1]]) then
			apply_group(group, namespaces, options)
		end
	end
	if ahead then
		ahead:finish()
	end
end

return { new = new, lines = lines, apply = apply }
