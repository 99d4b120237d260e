-- SPDX-License-Identifier: MIT
-- arguments_spec.lua - whatever is wrong with an argument of a function or method is answered by an
-- error that names it, and nothing has changed
local core = require "netns.core"
local corpus = require "spec.corpus"
local firewall = require "netns.firewall"
local json = require "netns.json"
local netns = require "netns"
local operations = require "netns.operations"
local sysctl = require "netns.sysctl"
local trial = require "spec.trial"

local batch, merge, try = trial.batch, trial.merge, trial.try

-- 1. What each argument should be: { its name in errors, what it is, a good value }. The fields of
-- specs are tried below.

local name = { type = "netns_name" }
local stream = { type = "word", names = { "stdout", "stderr" }, optional = true }
local timeout = { "timeout", { type = "time", optional = true }, 0 }
local streamed = { "stream", stream, "stdout" }
local spec = { "spec", { type = "table" }, {} }
local text = { "text", { type = "ruleset" }, "" }
local vars = { "vars", { type = "vars", optional = true } }
local indent = { "indent", { type = "text", optional = true }, " " }

local functions = {
	netns = {
		new = {}, current = {}, list = {}, prune = {}, clock = {}, sandbox = {},
		add = { { "name", name, "x" } }, delete = { { "name", name, "x" } },
		open = { { "ref", { type = "netns_ref" }, "x" } },
		identify = { { "pid", { type = "pid" }, 1 } },
		close_wait = { { "list", { type = "namespaces" }, {} }, timeout },
		supports = {
			{ "what", { type = "word", names = { "link" } }, "link" }, { "kind", { type = "kind" }, "veth" },
		},
		sleep = { { "seconds", { type = "time" }, 0 } },
		wait = { { "list", { type = "table" }, {} }, timeout },
		probe = { spec, { "options", { type = "table", optional = true } } },
	};
	ns = {
		call = { { "f", { type = "function" }, print } }, attach = { { "name", name, "x" } },
		spawn = { spec }, exec = { spec }, pids = {}, close = {}, delete = {},
		monitor = { { "spec", { type = "table", optional = true }, {} } },
		sockets = { { "filter", { type = "table", optional = true }, {} } },
		capture = { { "spec", { type = "table" }, { file = "/dev/null" } } },
	};
	monitor = { read = { timeout }, pollfd = {}, events = {}, timeout = {}, close = {} };
	capture = { flush = {}, stop = {}, pollfd = {}, events = {}, close = {} };
	process = {
		wait = { timeout }, kill = { { "signal", { type = "signal", optional = true }, 0 } },
		write = { { "s", { type = "text" }, "" } },
		read = { timeout, streamed }, more = { timeout, streamed }, lines = { streamed },
		peek = { streamed }, take = { { "n", { type = "integer", min = 0, max = 0 }, 0 }, streamed },
		resize = {
			{ "rows", { type = "integer", min = 1, max = 65535 }, 10 },
			{ "cols", { type = "integer", min = 1, max = 65535 }, 10 },
		},
		expect = { { "pattern", { type = "pattern" }, "x" }, timeout, streamed },
		listening = { { "what", { type = "service" }, "tcp/1" }, timeout },
		close_stdin = {}, pollfd = {}, events = {}, timeout = {}, close = {},
	};
	nft = { run = { text, vars }, check = { text, vars }, list = {}, json = {}, flush = {} };
	sysctl = {
		set = { spec }, get = { { "key", { type = "sysctl_key" }, "net.ipv4.ip_forward" } },
		list = { { "key", { type = "sysctl_key", optional = true }, "net.ipv4" } },
	};
	addr = { settle = { timeout } };
	link = {
		wait = {
			{ "name", { type = "ifname" }, "lo" }, { "filter", { type = "table", optional = true }, {} },
			timeout,
		},
	};
	route = { lookup = { { "addr", { type = "addr" }, "10.0.0.2" } } };
	operations = {
		new = {
			{ "ns", { type = "text" }, "x" },
			{ "verb", { type = "word", names = { "add" } }, "add" },
			{ "object", { type = "word", names = { "link" } }, "link" },
			{ "spec", { type = "operation_spec", optional = true }, {} },
			{ "from", { type = "text", optional = true }, "here" },
		},
		lines = { { "list", { type = "table" }, {} } },
		apply = {
			{ "list", { type = "table" }, {} }, { "namespaces", { type = "table" }, {} },
			{ "options", { type = "table", optional = true }, {} },
		},
	};
	json = {
		decode = { { "text", { type = "text" }, "1" } },
		encode = { { "value", { type = "json" }, 1 }, indent },
		array = { { "t", { type = "table", optional = true }, {} } },
	};
}

-- 2. Trying them

-- Each argument in turn; `self` comes before them, if there is one.
local function each_argument(what, f, arguments, self)
	local first = self and 1 or 0
	for i, argument in ipairs(arguments) do
		local list = { self }
		for j, other in ipairs(arguments) do
			list[first + j] = other[3]
		end
		local function with(case)
			list[first + i] = case[1]
			try(("%s %s"):format(what, argument[1]), case, argument[1], f,
				table.unpack(list, 1, first + #arguments))
		end
		for _, case in ipairs(corpus.bad(argument[2])) do
			with(case)
		end
		if not argument[2].optional then
			with {}
		end
	end
end

-- The functions of the tables above must be those that there are.
local function each_function(what, real, self)
	local rows = functions[what]
	for key, f in pairs(real) do
		assert(rows[key], what .. "." .. key .. " has no row here")
		each_argument(what .. "." .. key, f, rows[key], self)
	end
	for key in pairs(rows) do
		assert(real[key], what .. "." .. key .. " is not there")
	end
end

-- Wrong things where the handle should be, and the handle after it was closed.
local function each_self(what, methods, ...)
	for key, f in pairs(methods) do
		for _, case in ipairs(corpus.selves()) do
			try(("%s.%s self"):format(what, key), case, "self", f, case[1])
		end
		try(("%s.%s self"):format(what, key), {}, "self", f)
		for _, gone in ipairs(key == "close" and {} or { ... }) do
			try(("%s.%s closed"):format(what, key), { gone, code = "EBADF" }, "self", f, gone)
		end
	end
end

local function methods_of(handle)
	local _, methods = debug.getupvalue(debug.getmetatable(handle).__index, 1)
	return methods
end

-- Those of a collection that are not the verbs of all.
local function own_methods(object)
	local own = {}
	for key, f in pairs(core.collections[object]) do
		own[key] = functions[object][key] and f
	end
	return own
end

-- 3. The batches

describe("a wrong argument", function()
	local closed = netns.new()
	closed:close()

	batch("of netns' functions", 200, function()
		local real = {}
		for key, f in pairs(netns) do
			real[key] = type(f) == "function" and f or nil
		end
		for key, from in pairs(getmetatable(netns).__fields) do
			real[key] = package.searchpath(from[1], package.path) and netns[key] or nil
		end
		each_function("netns", real)
	end)

	batch("of a namespace's methods", 100, function(ns)
		each_function("ns", methods_of(ns), ns)
		each_self("ns", methods_of(ns), closed)
	end)

	batch("of a process' methods", 400, function(ns)
		local p <close> = ns:spawn { "cat", stdin = true, stdout = "capture", stderr = "capture" }
		local gone = ns:spawn { "true" }
		gone:close()
		each_function("process", core.process, p)
		each_self("process", core.process, gone)
		try("process.expect", {}, "self", p.expect, ns, "x")
		p:close_stdin()
		assert.equal(0, p:wait().code)
	end)

	batch("of a monitor's and a capture's methods", 30, function(ns)
		for what, make in pairs {
			monitor = function() return ns:monitor { "nsid" } end,
			capture = function() return ns:capture { dev = "lo", file = "/dev/null" } end,
		} do
			local methods = what == "monitor" and core.monitor or core.capture.methods
			local handle <close> = make()
			local gone = make()
			gone:close()
			local others = merge(methods, {})
			others.stop = nil -- tells its counts again
			each_function(what, methods, handle)
			each_self(what, methods)
			each_self(what, others, gone)
		end
	end)

	batch("of the firewall's methods", 100, function(ns)
		if not firewall.available() then
			pending "libnftables is not there"
		end
		each_function("nft", firewall.methods, ns.nft)
		each_self("nft", firewall.methods)
	end)

	batch("of the settings' methods", 200, function(ns)
		local gone = netns.new()
		local closed_settings = gone.sysctl
		gone:close()
		each_function("sysctl", sysctl.methods, ns.sysctl)
		each_self("sysctl", sysctl.methods, closed_settings)
		local good = { ["net.ipv4.ip_default_ttl"] = 9 }
		for _, case in ipairs(corpus.bad { type = "sysctl_key" }) do
			local key = case[1]
			if type(key) ~= "table" and type(key) ~= "number" then
				try("sysctl:set key", case, "key", ns.sysctl.set, ns.sysctl, merge(good, { [key] = 1 }))
				try("sysctl:set key", case, "key", ns.sysctl.set, ns.sysctl, { good, { [key] = 1 } })
			end
			try("sysctl:get keys", case, "key", ns.sysctl.get, ns.sysctl, { "net.ipv4.ip_forward", key })
			try("sysctl key", case, "key", function() return ns.sysctl[key] end)
		end
		for _, case in ipairs(corpus.bad { type = "sysctl_value" }) do
			local bad = { ["net.ipv4.ip_forward"] = case[1] }
			try("sysctl:set value", case, "value", ns.sysctl.set, ns.sysctl, merge(good, bad))
			try("sysctl:set value", case, "value", ns.sysctl.set, ns.sysctl, { good, bad })
		end
		for _, bad in ipairs {
			{ good, 5 }, { good, "x" }, { good, nil, good }, { good, x = good }, { good, [0] = good },
			{ 1 }, { "net.ipv4.ip_forward" },
		} do
			try("sysctl:set", { bad }, "spec", ns.sysctl.set, ns.sysctl, bad)
		end
	end)

	batch("of collections' methods", 100, function(ns)
		for _, object in ipairs { "addr", "link", "route" } do
			each_function(object, own_methods(object), ns[object])
		end
		for object, methods in pairs(core.collections) do
			local other = trial.world()
			local gone = other[object]
			other:close()
			for key, f in pairs(methods) do
				try(("%s.%s"):format(object, key), {}, "self", f, ns)
			end
			each_self(object, methods, gone)
		end
	end)

	batch("of programs' specs", 300, function(ns)
		local good = { "true" }
		for _, row in ipairs(core.schema "process") do
			local kind = row.type ~= "any" and row.type ~= "table" and row or { type = row.key }
			for _, case in ipairs(corpus.bad(corpus.knows(kind.type) and kind or row)) do
				for _, method in ipairs { "spawn", "exec" } do
					try(method .. " " .. row.key, case, row.key, ns[method], ns,
						merge(good, { [row.key] = case[1] }))
				end
			end
		end
		for _, method in ipairs { "spawn", "exec" } do
			for _, case in ipairs(corpus.bad { type = "argv" }) do
				try(method .. " argv", case, "argv", ns[method], ns, case[1])
			end
			for _, key in ipairs { true, print, 1.5, "bogus", "cwd\0", "\27[2J" } do
				local attr = type(key) == "string" and key:gsub("%c", { ["\0"] = "\\0", ["\27"] = "\\27" })
				try(method .. " key", { key }, attr or "spec", ns[method], ns, { "true", [key] = 1 })
			end
		end
	end)

	batch("of probes", 500, function(ns)
		local good = { from = ns, to = ns, proto = "tcp", port = 80 }
		local function handle(row)
			local list = {}
			for _, case in ipairs(corpus.bad { type = "netns" }) do
				list[#list + 1] = (row.string or type(case[1]) ~= "string") and case or nil
			end
			return list
		end
		local fields = {
			from = handle { string = true }, to = handle {},
			proto = corpus.bad { type = "word", names = { "icmp" } },
			family = corpus.bad { type = "word", names = { "inet" } },
			port = corpus.bad { type = "integer", min = 1, max = 65535 },
			addr = corpus.bad { type = "scoped_addr" }, listen = corpus.bad { type = "bool" },
			timeout = corpus.bad { type = "time" },
			size = corpus.bad { type = "integer", min = 64, max = 9216 },
		}
		for key in pairs(require "netns.proof.probe".keys) do
			local base = key == "size" and merge(good, { proto = "udp" }) or good
			for _, case in ipairs(assert(fields[key], key .. " has no row here")) do
				local one = merge(base, { [key] = case[1] })
				try("probe " .. key, case, key, netns.probe, one)
				try("probe array " .. key, case, key, netns.probe, { good, one })
			end
		end
		for _, case in ipairs(corpus.unknown()) do
			local key = next(case[1])
			if not next(case[1], key) then
				try("probe", case, corpus.attr(key), netns.probe, merge(good, case[1]))
			end
		end
		for _, case in ipairs(corpus.bad { type = "time" }) do
			try("probe settle", case, "settle", netns.probe, good, { settle = case[1] })
		end
		try("probe options", { "bogus" }, "bogus", netns.probe, good, { bogus = 1 })
	end)

	batch("of netns.wait's list", 20, function()
		local function pollable(key, value)
			local handle = merge({ pollfd = 0, events = "r" }, { [key] = value })
			try("wait " .. key, { value }, key, netns.wait, { handle }, 0)
			try("wait " .. key, { value }, key, netns.wait,
				{ merge(handle, { [key] = function() return value end }) }, 0)
		end
		for _, list in ipairs {
			{ 5 }, { "x" }, { print }, { {} }, { nil, {} }, { x = {} }, { [0] = {} },
			{ coroutine.create(print) },
		} do
			try("wait list", { list }, "list", netns.wait, list, 0)
		end
		for _, fd in ipairs { -2, 1.5, 2^31, 1 << 32, math.mininteger, "0", {}, true, print } do
			pollable("pollfd", fd ~= print and fd or coroutine.create(print))
		end
		for _, events in ipairs { "x", "", 0, -1, 65536, 1.5, {}, "r\0", true } do
			pollable("events", events)
		end
		for _, seconds in ipairs { "x", 0 / 0, {}, true } do
			pollable("timeout", seconds)
		end
		try("wait list", {}, "list", netns.wait, {})
	end)

	it("of netns.wait may bite for itself", function()
		local hostile = setmetatable({}, { __index = function() error("bitten", 0) end })
		local ok, err = pcall(netns.wait, { hostile }, 0)
		assert.same({ false, "bitten" }, { ok, err })
	end)

	batch("of operations and JSON", 100, function(ns)
		each_function("operations", operations)
		local encoders = merge(json)
		encoders.null = nil
		each_function("json", encoders)
		local good = operations.new("x", "add", "link", "new0")
		for key, values in pairs {
			ns = { true, 5, {}, ns }, verb = { "append", 5, {}, true }, object = { "lnik", 5, {}, true },
			spec = { "x", 5, true, print },
		} do
			for _, value in ipairs(values) do
				local list = { good, merge(good, { [key] = value }) }
				try("lines " .. key, { value }, key, operations.lines, list)
				try("apply " .. key, { value }, key, operations.apply, list, { x = ns })
			end
		end
		for _, value in ipairs { 5, "x", print, true } do
			try("lines", { value }, "list", operations.lines, { good, value })
			try("apply", { value }, "list", operations.apply, { good, value }, { x = ns })
		end
	end)

	batch("of a command line", 100, function()
		for object, base in pairs {
			link = { name = "x", kind = "veth", peer = { name = "y" } },
			addr = { addr = "10.0.0.1", dev = "x" }, route = { dst = "10.0.0.0/8" },
		} do
			for _, row in ipairs(core.schema(object)) do
				for _, value in ipairs(row.ro and {} or { print, coroutine.create(print), io.stdout }) do
					local op = operations.new("x", "add", object, merge(base, { [row.key] = value }))
					try("lines " .. row.key, { value }, row.key, operations.lines, op)
				end
			end
			for key in pairs(base) do
				local spec_without = merge(base)
				spec_without[key] = nil
				local op = operations.new("x", "add", object, spec_without)
				if key ~= "dev" and key ~= "kind" and key ~= "peer" then
					try("lines " .. key, {}, key, operations.lines, op)
				end
			end
		end
	end)
end)
