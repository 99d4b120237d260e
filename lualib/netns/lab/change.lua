-- SPDX-License-Identifier: MIT
-- netns.lab.change - from one plan to another: the operations that change only what differs
--
-- Theory. A pure function of two plans. Each operation becomes items with an identity (a cable, an
-- address, one sysctl ...) and a value; items that both plans have with one value are left alone. A
-- cable whose ends, names or peers differ is made anew, and with it all that the kernel kept on it.
-- Taking away comes first, in the opposite order of making; then what is new, in the plan's order.
--
-- A change is { op, gone = identity | nil, item = item | nil }: the operation, and what it takes
-- from or puts into the state that the plans describe; so how far a list of changes got is known.

local operations = require "netns.operations"

local without = require "netns.lab.description".without

--- A value as text, keys in order.
local function text_of(value)
	if type(value) ~= "table" then
		return type(value) .. ":" .. tostring(value)
	end
	local parts = {}
	for key, each in next, value do
		parts[#parts + 1] = tostring(key) .. "=" .. text_of(each)
	end
	table.sort(parts)
	return "{" .. table.concat(parts, ",") .. "}"
end

--- What of a cable can be changed without making it anew.
local function stripped(spec)
	local out = without(spec, "up", "mtu", "mac", spec.kind == "bridge" and "data" or nil)
	out.peer = spec.peer and without(spec.peer, "mtu", "mac", "up")
	return out
end

local identities = {}

function identities.netns(op)
	return "netns " .. op.ns
end

function identities.link(op)
	return (op.verb == "add" and "link " or "state ") .. op.ns .. " " .. op.spec.name
end

function identities.addr(op)
	return ("addr %s %s %s"):format(op.ns, op.spec.dev, op.spec.addr)
end

function identities.route(op)
	return ("route %s %s %s"):format(op.ns, op.spec.dst, op.spec.family or "")
end

function identities.qdisc(op)
	return ("qdisc %s %s"):format(op.ns, op.spec.dev)
end

function identities.ntable(op)
	return ("ntable %s %s %s"):format(op.ns, op.spec.dev, op.spec.family)
end

function identities.vlan(op)
	return ("vlan %s %s %d"):format(op.ns, op.spec.dev, op.spec.vid)
end

function identities.exec(op)
	return ("exec %s %s"):format(op.ns, text_of(op.spec))
end

local function make_item(id, op, dev)
	return { id = id, op = op, ns = op.ns, object = op.object, dev = dev, value = text_of(op.spec) }
end

--- The plan as items in its order, and by identity.
local function items_of(ops)
	local list, by_id = {}, {}
	local function put(item)
		list[#list + 1], by_id[item.id] = item, item
	end
	for _, op in ipairs(ops) do
		if op.object == "sysctl" then
			for key, value in next, op.spec do
				put(make_item(("sysctl %s %s"):format(op.ns, key),
					operations.new(op.ns, "set", "sysctl", { [key] = value }, op.from),
					key:match("%.conf%.([^.]+)%.")))
			end
		elseif op.object == "nft" then
			-- all texts of a namespace are one: `flush ruleset` knows no smaller part
			local id = "nft " .. op.ns
			local item = by_id[id]
			if item then
				item.op = operations.new(
					op.ns, "run", "nft", { text = item.op.spec.text .. "\n" .. op.spec.text },
					op.from)
				item.value = text_of(item.op.spec)
			else
				put(make_item(id, op))
			end
		else
			local dev = op.spec.dev or op.object == "link" and op.spec.name or nil
			put(make_item(identities[op.object](op), op, dev))
		end
	end
	return list, by_id
end

local function place(ns, dev)
	return ns .. "\0" .. dev
end

--- Both ends of a cable that is made by `op`.
local function ends_of(op)
	local spec = op.spec
	if spec.peer then
		return { place(op.ns, spec.name), place(spec.peer.netns, spec.peer.name) }
	end
	return { place(op.ns, spec.name) }
end

--- Which places (namespace, device) go, and which come anew.
local function renewals(old, now_by_id)
	local renewed, cables = {}, {}
	for _, item in ipairs(old) do
		if item.object == "link" and item.op.verb == "add" then
			local now = now_by_id[item.id]
			if not now or text_of(stripped(item.op.spec)) ~= text_of(stripped(now.op.spec)) then
				cables[#cables + 1] = item
				for _, each in ipairs(ends_of(item.op)) do
					renewed[each] = true
				end
			end
		end
	end
	return renewed, cables
end

local function change(list, op, gone, item)
	list[#list + 1] = { op = op, gone = gone, item = item }
end

local undo = {}

function undo.addr(item)
	return operations.new(item.ns, "delete", "addr",
		{ dev = item.op.spec.dev, addr = item.op.spec.addr },
		item.op.from)
end

function undo.route(item)
	return operations.new(item.ns, "delete", "route", item.op.spec, item.op.from)
end

function undo.qdisc(item)
	return operations.new(item.ns, "delete", "qdisc", { dev = item.op.spec.dev, parent = "root" },
		item.op.from)
end

--- A port is in VLAN 1 unless it was taken out.
function undo.vlan(item)
	local dev, vid = item.op.spec.dev, item.op.spec.vid
	if item.op.verb == "delete" then
		return operations.new(item.ns, "add", "vlan",
			{ dev = dev, vid = vid, pvid = true, untagged = true }, item.op.from)
	end
	return operations.new(item.ns, "delete", "vlan", { dev = dev, vid = vid }, item.op.from)
end

function undo.nft(item)
	return operations.new(item.ns, "flush", "nft", nil, item.op.from)
end

--- The kernel's own value comes from a fresh namespace (build.lua).
function undo.sysctl(item)
	return operations.new(item.ns, "set", "sysctl", { [next(item.op.spec)] = false }, item.op.from)
end

function undo.exec(item)
	return { ns = item.ns, verb = "stop", object = "exec", spec = item.op.spec, from = item.op.from }
end

--- Take away what the new plan lacks; what goes with its namespace or its cable goes by itself.
local function take_away(out, old, now_by_id, renewed, cables)
	local namespaces = {}
	for i = #old, 1, -1 do
		local item = old[i]
		local stays = now_by_id["netns " .. item.ns]
		if item.object == "netns" and not stays then
			table.insert(namespaces, 1, item)
		elseif not now_by_id[item.id] then
			local with_cable = item.dev and renewed[place(item.ns, item.dev)]
			local make = undo[item.object]
			if item.object == "exec" or stays and make and not with_cable then
				change(out, make(item), item.id)
			elseif item.object ~= "link" or item.op.verb ~= "add" then
				change(out, nil, item.id)
			end
		end
	end
	for _, item in ipairs(cables) do
		change(out, operations.new(item.ns, "delete", "link", item.op.spec.name, item.op.from), item.id)
	end
	for _, item in ipairs(namespaces) do
		change(out, operations.new(item.ns, "delete", "netns", nil, item.op.from), item.id)
	end
end

--- Bring what both plans have to the new value.
local function alter_link(out, before, item)
	local was, is = before.op.spec, item.op.spec
	local function one_end(ns, old, new)
		local spec = { name = new.name }
		for _, key in ipairs { "mtu", "mac", "up" } do
			if old[key] ~= new[key] and new[key] ~= nil then
				spec[key] = new[key]
			end
		end
		if new.kind == "bridge" and text_of(old.data) ~= text_of(new.data) then
			spec.kind, spec.data = "bridge", new.data or { vlan_filtering = false }
		end
		if next(spec, next(spec)) then
			change(out, operations.new(ns, "set", "link", spec, item.op.from))
		end
	end
	one_end(item.ns, was, is)
	if is.peer then
		one_end(is.peer.netns, was.peer, is.peer)
	end
	change(out, nil, nil, item)
end

local replacing = { addr = true, route = true, qdisc = true }

local function alter(out, before, item)
	local op = item.op
	if item.object == "link" and op.verb == "add" then
		alter_link(out, before, item)
	elseif item.object == "nft" then
		change(out, operations.new(item.ns, "run", "nft",
			{ text = "flush ruleset\n" .. op.spec.text }, op.from), nil, item)
	elseif replacing[item.object] then
		change(out, operations.new(item.ns, "replace", item.object, op.spec, op.from), nil, item)
	else
		change(out, op, nil, item)
	end
end

--- The changes from the items `old` to the items `now`.
local function between(old, old_by_id, now, now_by_id)
	local out = {}
	local renewed, cables = renewals(old, now_by_id)
	take_away(out, old, now_by_id, renewed, cables)
	for _, item in ipairs(now) do
		local before = old_by_id[item.id]
		local anew = item.dev and renewed[place(item.ns, item.dev)]
			or not old_by_id["netns " .. item.ns]
		if not before or anew then
			change(out, item.op, nil, item)
		elseif before.value ~= item.value then
			alter(out, before, item)
		end
	end
	return out
end

return { items_of = items_of, between = between, text_of = text_of }
