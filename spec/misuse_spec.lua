-- SPDX-License-Identifier: MIT
-- misuse_spec.lua - whatever is wrong with a spec or a filter is answered by an error that names
-- the field, and nothing has changed
--
-- The cases are made from the rows that the library itself reads specs by (core.schema); corpus.lua
-- has the values. Thousands of them are tried.
local core = require "netns.core"
local corpus = require "spec.corpus"
local trial = require "spec.trial"

local batch, merge, try = trial.batch, trial.merge, trial.try

-- 1. Specs of the collections: in `base` stands each bad value of each row, one at a time.

local shaped = { rate = 1e6, burst = 2000, limit = 3000 }

local bases = {
	link = {
		add = { name = "new0", kind = "bridge" }, replace = { name = "br0", kind = "bridge" },
		set = { name = "br0" }, delete = { name = "br0" },
	};
	addr = {
		add = { dev = "br0", addr = "10.9.0.1/24" }, replace = { dev = "br0", addr = "10.0.0.1/24" },
		set = { dev = "br0", addr = "10.0.0.1/24" }, delete = { dev = "br0", addr = "10.0.0.1/24" },
	};
	route = {
		add = { dst = "10.77.0.0/16", via = "10.0.0.2" },
		replace = { dst = "10.8.0.0/16", via = "10.0.0.2" },
		set = { dst = "10.8.0.0/16", via = "10.0.0.2" }, delete = { dst = "10.8.0.0/16" },
	};
	rule = {
		add = { priority = 77, table = 77 }, replace = { priority = 77, table = 77 },
		set = { priority = 32766, table = 77 }, delete = { priority = 32766, family = "inet" },
	};
	neigh = {
		add = { dev = "br0", dst = "10.0.0.77", lladdr = "02:00:00:00:00:77" },
		replace = { dev = "br0", dst = "10.0.0.77", lladdr = "02:00:00:00:00:77" },
		set = { dev = "br0", dst = "10.0.0.77" }, delete = { dev = "br0", dst = "10.0.0.77" },
	};
	ntable = { -- the kernel's, so nothing is added or deleted
		set = { dev = "br0", name = "arp_cache" }, replace = { dev = "br0", name = "arp_cache" },
	};
	fdb = {
		add = { dev = "br0", lladdr = "02:00:00:00:00:77" },
		replace = { dev = "br0", lladdr = "02:00:00:00:00:77" },
		set = { dev = "br0", lladdr = "02:00:00:00:00:77" },
		delete = { dev = "br0", lladdr = "02:00:00:00:00:77" },
	};
	qdisc = {
		add = { dev = "br0", kind = "tbf", data = shaped },
		replace = { dev = "br0", kind = "tbf", data = shaped },
		set = { dev = "br0", kind = "tbf", data = shaped }, delete = { dev = "br0" },
	};
	vlan = {
		add = { dev = "br0", vid = 77 }, replace = { dev = "br0", vid = 77 },
		set = { dev = "br0", vid = 77 }, delete = { dev = "br0", vid = 77 },
	};
	class = {
		add = { dev = "br0", kind = "htb", classid = "1:1", data = { rate = 1e6 } },
		replace = { dev = "br0", kind = "htb", classid = "1:1", data = { rate = 1e6 } },
		set = { dev = "br0", kind = "htb", classid = "1:1", data = { rate = 1e6 } },
		delete = { dev = "br0", classid = "1:1" },
	};
	filter = {
		add = { dev = "br0", kind = "u32", data = { classid = "1:1" } },
		replace = { dev = "br0", kind = "u32", data = { classid = "1:1" } },
		set = { dev = "br0", kind = "u32", prio = 7, data = { classid = "1:1" } },
		delete = { dev = "br0", kind = "u32", parent = "root", prio = 7, protocol = "all", handle = 7 },
	};
}

-- `default` is a destination and a source of routes, and the empty prefix of rules.
local function adjusted(object, row)
	row.default = (object == "route" or object == "rule") and row.type == "prefix" or nil
	if row.type == "nest" and object == "route" then
		row.type = "nests"
	end
	return row
end

-- Rows of what a kind says of the link itself stand beside the others: a veth's peer.
local known = {}

local function rows_of(object)
	local list = {}
	if known[object] then
		return known[object]
	end
	known[object] = list
	for _, row in ipairs(core.schema(object)) do
		list[#list + 1] = adjusted(object, row)
		for kind, rows in pairs(row.choices or {}) do
			for _, inner in ipairs(rows.outer) do
				inner.kind = kind
				list[#list + 1] = inner
			end
		end
	end
	return list
end

-- Listed only, but read where they say which link is meant.
local always_read = { name = true, index = true, link_netnsid = true }

local function each_change(ns, object, verb)
	local base = bases[object][verb]
	local collection = ns[object]
	for _, row in ipairs(rows_of(object)) do
		for _, case in ipairs((not row.ro or always_read[row.key]) and corpus.bad(row) or {}) do
			local kind = case.kind or row.kind
			local spec = merge(base, kind and { kind = kind } or {}, { [row.key] = case[1] })
			local what = ("%s:%s %s%s"):format(object, verb, row.key, case.inner and "." .. case.inner or "")
			try(what, case, row.key, collection[verb], collection, spec)
		end
	end
	for _, case in ipairs(corpus.unknown()) do
		if not next(case[1], next(case[1])) then
			try(object .. ":" .. verb, case, corpus.attr(next(case[1])), collection[verb], collection,
				merge(base, case[1]))
		end
	end
end

-- What no filter can find: it is never the same twice, or never listed.
local function is_findable(row)
	return not row.wo and row.type ~= "netns" and row.type ~= "struct"
		and not (row.type == "nest" and row.key ~= "nexthops")
end

local function each_filter(ns, object, verb)
	local collection = ns[object]
	for _, row in ipairs(rows_of(object)) do
		local cases = is_findable(row) and corpus.bad(row)
			or { { true }, { 1 }, { "x" }, { {} }, { ns } }
		for _, case in ipairs(row.kind and {} or cases) do
			local filter = merge({ kind = case.kind }, { [row.key] = case[1] })
			local what = ("%s:%s %s"):format(object, verb, row.key)
			try(what, is_findable(row) and case or { case[1] }, row.key, collection[verb],
				collection, filter)
		end
	end
	for _, value in ipairs { true, print, coroutine.create(print), io.stdout, ns } do
		try(object .. ":" .. verb, { value }, verb == "get" and "spec" or "filter", collection[verb],
			collection, value)
	end
end

-- what a plain value stands for
local keys = {
	link = "name", addr = "addr", route = "dst", rule = "priority", neigh = "dst", fdb = "lladdr",
	qdisc = "dev", ntable = "name",
	class = "classid", vlan = "vid", filter = "handle",
}

-- Behind two good specs a bad one: nothing of the array is done.
local function each_array(ns, object, verb)
	local good, collection = bases[object][verb], ns[object]
	local what = ("%s:%s array"):format(object, verb)
	for _, row in ipairs(rows_of(object)) do
		for i, case in ipairs((not row.ro or always_read[row.key]) and corpus.bad(row) or {}) do
			if i % 7 == 0 and not case.kind and not row.kind then
				try(what, case, row.key, collection[verb], collection,
					{ good, good, merge(good, { [row.key] = case[1] }) })
			end
		end
	end
	-- a rule's and a vlan's key is a number, and a qdisc's link may be
	local numbers = { rule = true, qdisc = true, vlan = true, filter = true }
	local number = verb == "delete" and numbers[object] and 5.5 or 5
	for _, value in ipairs { number, true, print, io.stdout, coroutine.create(print) } do
		local attr = verb == "delete" and type(value) == "number" and keys[object] or "spec"
		try(what, { value }, attr, collection[verb], collection, { good, good, value })
	end
	for _, bad in ipairs { { good, x = 1 }, { good, [3] = good }, { good, [0] = good } } do
		try(what, { bad }, "spec", collection[verb], collection, bad)
	end
end

-- 2. The batches

describe("misuse", function()
	for object in pairs(core.collections) do
		for verb in pairs(bases[object]) do
			batch(("of ns.%s:%s"):format(object, verb), 120, function(ns)
				each_change(ns, object, verb)
			end)
		end
		for _, verb in ipairs { "list", "get", "flush" } do
			batch(("of filters of ns.%s:%s"):format(object, verb), 120, function(ns)
				each_filter(ns, object, verb)
			end)
		end
	end

	batch("of arrays of specs", 800, function(ns)
		for object in pairs(core.collections) do
			for verb in pairs(bases[object]) do
				each_array(ns, object, verb)
			end
		end
	end)
end)
