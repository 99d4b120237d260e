-- SPDX-License-Identifier: MIT
-- meta_spec.lua - the reference in lualib/netns/meta says what there is, all of it and nothing else
local core = require "netns.core"
local firewall = require "netns.firewall"
local lfs = require "lfs"
local netns = require "netns"
local reference = require "spec.reference"
local support = require "spec.support"
local verdict = require "netns.proof.verdict".read

-- Modules that no user requires by name; what they add to others is compared there.
local private = {
	addr = true, ahead = true, caller = true, commands = true, container = true, files = true,
	firewall = true, kind_words = true, link = true, link_commands = true, prefix = true,
	process = true, supports = true, sysctl = true, words = true,
}

-- 1. Comparing

local function keys(t)
	local list = {}
	for key in pairs(t) do
		list[#list + 1] = key
	end
	table.sort(list)
	return list
end

-- The names in both tables must be the same.
local function same(what, documented, real)
	local wrong = {}
	for _, key in ipairs(keys(real)) do
		if documented[key] == nil then
			table.insert(wrong, key .. " is not in the reference")
		end
	end
	for _, key in ipairs(keys(documented)) do
		if real[key] == nil then
			table.insert(wrong, key .. " is in the reference only")
		end
	end
	assert.equal(0, #wrong, what .. ": " .. table.concat(wrong, ", "))
end

local function class(name)
	return assert(reference.classes[name], "no class " .. name .. " in the reference")
end

local function set(list)
	local found = {}
	for _, value in ipairs(list) do
		found[value] = true
	end
	return found
end

-- The string literals of a type or a line.
local function literals(text)
	local found = {}
	for word in text:gmatch('"([^"]*)"') do
		found[word] = true
	end
	return found
end

local function merge(...)
	local all = {}
	for _, each in ipairs { ... } do
		for key, value in pairs(each) do
			all[key] = value
		end
	end
	return all
end

-- The documented class that a field's type names.
local function class_in(field, what)
	return class(field.type:match("netns[%w_.]+") or error(what .. ": its type names no class"))
end

-- The class of what a kind adds: "bridge" has netns.link.BridgeData; kinds with the same fields
-- share one through an alias.
local function class_of_kind(object, kind)
	local wanted = ("netns.%s.%sdata"):format(object, kind:gsub("_", ""))
	for name, other in pairs(reference.aliases) do
		if name:lower() == wanted then
			return class(other), other
		end
	end
	for name, found in pairs(reference.classes) do
		if name:lower() == wanted then
			return found, name
		end
	end
	error(("no class for the data of kind %s in the reference"):format(kind))
end

local check_row, check_rows

function check_row(row, field, what)
	if row.names and row.type == "bits" then
		for _, name in ipairs(row.names) do
			assert.is_true(literals(field.line)[name] ~= nil, ("%s: %q is not said"):format(what, name))
		end
	elseif row.names then
		same(what, literals(field.type), set(row.names))
	end
	if row.fields then
		check_rows(row.fields, class_in(field, what), what)
	end
	if row.element then
		assert.is_truthy(field.type:find "%[%]$", what .. ": its type is no array")
		check_row(row.element, field, what)
	end
end

-- Rows of core.schema and a documented class.
function check_rows(rows, documented, what, object)
	local real = {}
	for _, row in ipairs(rows) do
		real[row.key] = row
		for kind, more in pairs(row.choices or {}) do
			local where = ("%s of kind %s"):format(what, kind)
			for _, outer in ipairs(more.outer) do
				real[outer.key] = outer
			end
			if #more > 0 then
				local found, name = class_of_kind(object, kind)
				check_rows(more, found, where, object)
				local type = documented.fields[row.key].type
				local alias = type:match "^[%w_.]+"
				local mentioned = (reference.aliases[alias] or type):find(name, 1, true)
				assert.is_truthy(mentioned, where .. ": its class is not in the type")
			end
		end
	end
	same(what, documented.fields, real)
	for key, row in pairs(real) do
		check_row(row, documented.fields[key], what .. "." .. key)
	end
end

-- The fields of a documented class and those of real values, taken together.
local function same_fields(name, values)
	same(name, class(name).fields, merge(table.unpack(values)))
end

-- The fields that a class and its parents say are always there, as key -> class that says so.
local function required(name)
	local documented = class(name)
	local found = documented.parent and required(documented.parent) or {}
	for key, field in pairs(documented.fields) do
		found[key] = not field.optional and name or nil
	end
	return found
end

local function is_function(value)
	return type(value) == "function"
end

-- 2. What there is

describe("the reference", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
	end)

	it("is Lua", function()
		for _, path in ipairs(reference.files) do
			assert.has_no.errors(assert(loadfile(path)))
		end
	end)

	it("names no type that it does not declare", function()
		for _, use in ipairs(reference.types) do
			for name in use.text:gsub('"[^"]*"', ""):gmatch("netns%.[%w_.]+") do
				assert.is_truthy(reference.classes[name] or reference.aliases[name], use.at .. ": " .. name)
			end
		end
	end)

	it("has all modules", function()
		for name in lfs.dir "lualib/netns" do
			local module = name:match("^(.+)%.lua$")
			if lfs.attributes(("lualib/netns/%s/init.lua"):format(name)) and name:find "^%a" then
				module = name
			end
			if module and module ~= "init" and not private[module] then
				assert.is_truthy(reference.modules["netns." .. module], module .. " is not in the reference")
			end
		end
		for name, documented in pairs(reference.modules) do
			if name ~= "netns" then
				same(name, merge(documented.fields, documented.methods), require(name))
			end
		end
	end)

	it("has what `netns` exports", function()
		local exported = {}
		for name in pairs(netns) do
			exported[name] = true
		end
		for name, from in pairs(getmetatable(netns).__fields) do
			if package.searchpath(from[1], package.path) then
				exported[name] = is_function(netns[name]) or nil
			end
		end
		local documented = class "netns"
		same("netns", merge(documented.fields, documented.methods), exported)
		for name in pairs(documented.methods) do
			assert.is_function(netns[name])
		end
	end)

	it("has a namespace's fields and methods", function()
		local index = debug.getmetatable(ns).__index
		local documented, _, methods = class "netns.ns", debug.getupvalue(index, 1)
		same("ns", documented.methods, methods)
		for name in pairs(core.fields) do
			assert.is_truthy(documented.fields[name], name .. " is not in the reference")
		end
		ns:attach "reference"
		for name in pairs(documented.fields) do
			if name ~= "nft" or firewall.available() then
				assert.is_not_nil(ns[name], name .. " is in the reference only")
			end
		end
		ns:delete()
	end)

	it("has the verbs of collections, and their rows", function()
		for name, methods in pairs(core.collections) do
			local field = assert(class("netns.ns").fields[name], name .. " is not in the reference")
			local documented = class_in(field, name)
			same("ns." .. name, documented.methods, methods)
			check_rows(core.schema(name), class(("netns.%s.Spec"):format(name)), name, name)
		end
	end)

	it("lets a language server find keys that are refused", function()
		local given <close> = netns.new()
		local net = require "netns.lab".star(2)
		local up <close> = require "netns.lab".star(2):up()
		local rows = { { "h1", "h2", "icmp", "open" } }
		-- Each call is right but for the key `no_such_key`, which is in `t`.
		local calls = {
			["netns.link.Peer"] = function(t)
				ns.link:add { name = "v0", kind = "veth", peer = merge(t, { name = "v1" }) }
			end,
			["netns.process.Spec"] = function(t) ns:exec(merge(t, { "true" })) end,
			["netns.process.Overlay"] = function(t)
				ns:exec { "true", root = merge(t, { lower = "/" }) }
			end,
			["netns.process.Terminal"] = function(t) ns:exec { "true", pty = t } end,
			["netns.process.Limits"] = function(t) ns:exec { "true", limits = t } end,
			["netns.monitor.Spec"] = function(t) ns:monitor(t):close() end,
			["netns.capture.Options"] = function(t)
				ns:capture(merge(t, { file = "/dev/null" })):close()
			end,
			["netns.probe.Spec"] = function(t) netns.probe(merge(t, { from = ns, to = given })) end,
			["netns.probe.Options"] = function(t) netns.probe({ from = ns, to = given }, t) end,
			["netns.lab.NodeOptions"] = function(t) net:host("x", t) end,
			["netns.lab.LinkOptions"] = function(t) net:link("h1", "h2", t) end,
			["netns.lab.UpOptions"] = function(t) net:up(t) end,
			["netns.lab.Given"] = function(t) require "netns.lab".new(t) end,
			["netns.proof.Row"] = function(t) up:check { merge(t, rows[1]) } end,
			["netns.proof.CheckOptions"] = function(t) up:check(rows, t) end,
			["netns.mutation.Options"] = function(t) up:mutate(rows, t) end,
		}
		for name, documented in pairs(reference.classes) do
			if documented.indexed.string == "netns.NoSuchField" and name ~= "netns.Exact" then
				assert.is_function(calls[name], name .. ": are other keys really refused?")
			end
		end
		for name, call in pairs(calls) do
			local says = class(name).indexed.string
			assert.equal("netns.NoSuchField", says, name .. ": other keys are refused")
			local ok, err = pcall(call, { no_such_key = 1 })
			assert.is_false(ok, name)
			assert.equal("EINVAL", err.code, name .. ": " .. tostring(err))
			assert.is_truthy(tostring(err):find("no_such_key", 1, true), tostring(err))
		end
		for name in pairs(core.collections) do
			local spec = ("netns.%s.Spec"):format(name)
			for verb, method in pairs(class_in(class("netns.ns").fields[name], name).methods) do
				for use in method.takes:gsub("netns%.%w+%.Specs", reference.aliases):gmatch("[^(),]+") do
					if use:find(spec, 1, true) then
						local where = ("ns.%s:%s: %s"):format(name, verb, use)
						assert.is_truthy(use:find("netns.Exact", 1, true), where)
					end
				end
			end
		end
	end)

	it("says what is always listed", function()
		ns.link:set { name = "lo", up = true }
		ns.link:add { name = "v0", kind = "veth", up = true, peer = { name = "v1", up = true } }
		ns.link:add { name = "br0", kind = "bridge", up = true }
		ns.link:set { name = "v1", master = "br0" }
		ns.addr:add { { dev = "v0", addr = "10.0.0.1/24" }, { dev = "v0", addr = "fd00::1/64" } }
		ns.route:add { { dst = "default", via = "10.0.0.2" }, { dst = "10.9.0.0/16", type = "blackhole" },
			{ dst = "10.8.0.0/16", nexthops = { { via = "10.0.0.2" }, { via = "10.0.0.3" } } } }
		ns.rule:add { { from = "10.0.0.0/8", table = 7 }, { family = "inet6", action = "blackhole" } }
		ns.neigh:add { { dev = "v0", dst = "10.0.0.9", proxy = true },
			{ dev = "v0", dst = "10.0.0.2", lladdr = "02:00:00:00:00:01" } }
		local filters = { route = { table = "all" } }
		if netns.supports("qdisc", "htb") then
			ns.qdisc:add { dev = "v0", kind = "htb", handle = "1:" }
			ns.class:add { dev = "v0", kind = "htb", classid = "1:1", data = { rate = "1mbit" } }
			filters.class, filters.filter = { dev = "v0" }, { dev = "v0" }
			if netns.supports("filter", "u32") then
				ns.filter:add { dev = "v0", kind = "u32", data = { ip_proto = "tcp", dst_port = 80 } }
			end
		end
		local listed = { sockets = ns:sockets(), lookup = { ns.route:lookup "10.0.0.2" } }
		for name in pairs(core.collections) do
			if name ~= "class" and name ~= "filter" or filters[name] then
				listed[name] = ns[name]:list(filters[name])
			end
		end
		table.move(ns.neigh:list { proxy = true }, 1, 1, #listed.neigh + 1, listed.neigh)
		for name, list in pairs(listed) do
			local of = name == "sockets" and "netns.Socket"
				or ("netns.%s.Entry"):format(name == "lookup" and "route" or name)
			for key, whose in pairs(required(of)) do
				for _, entry in ipairs(list) do
					assert.is_not_nil(entry[key], ("%s: %s.%s"):format(name, whose, key))
				end
			end
		end
	end)

	it("has what the firewall can do", function()
		same("ns.nft", class("netns.nft").methods, firewall.methods)
	end)

	it("has the verbs of sysctl", function()
		same("ns.sysctl", class("netns.Sysctl").methods, require "netns.sysctl".methods)
	end)

	it("has what a capture is told, counts, and can be asked", function()
		same("capture", class("netns.Capture").methods, core.capture.methods)
		local options = {}
		for _, row in ipairs(core.capture.options) do
			options[row.key] = true
		end
		same("netns.capture.Options", class("netns.capture.Options").fields, options)
		local c <close> = ns:capture { file = "/dev/null" }
		same_fields("netns.capture.Counts", { c:stop() })
	end)

	it("has what is told of sockets", function()
		local fields = {}
		for proto, rows in pairs(core.sockets()) do
			assert.is_true(literals(class("netns.socket.Filter").fields.proto.type)[proto])
			for _, row in ipairs(rows) do
				fields[row.key] = row
			end
		end
		local all = {}
		for _, row in pairs(fields) do
			table.insert(all, row)
		end
		check_rows(all, class "netns.socket.Filter", "a socket")
	end)

	it("has what a monitor is told, tells, and can be asked", function()
		same("monitor", class("netns.Monitor").methods, core.monitor)
		same("objects", literals(reference.aliases["netns.monitor.Object"]), core.monitored)
		same("netns.monitor.Spec", class("netns.monitor.Spec").fields, { rcvbuf = true })
		local m <close> = ns:monitor { "link", rcvbuf = 1 }
		for i = 1, 50 do
			ns.link:add { name = "m" .. i, kind = "bridge" }
		end
		local events = {}
		for i = 1, 50 do
			events[i] = m:read(0)
		end
		same_fields("netns.monitor.Event", events)
	end)

	it("has what a process can be told, asked, and how it ended", function()
		same("process", class("netns.Process").methods, core.process)
		local spec = class("netns.process.Spec").fields
		local rows = {}
		for _, row in ipairs(core.schema "process") do
			rows[row.key] = row
		end
		same("netns.process.Spec", spec, rows)
		local p <close> = ns:spawn { "true" }
		for name in pairs(class("netns.Process").fields) do
			assert.is_not_nil(p[name], name)
		end
		same_fields("netns.process.Result", {
			ns:exec { "true" },
			ns:exec { "sh", "-c", "kill $$", check = false },
			ns:exec { "cat", "/dev/zero", stdout = "null", timeout = 0.01, check = false },
		})
	end)

	it("has what a probe is told and tells", function()
		same("netns.probe.Spec", class("netns.probe.Spec").fields, require "netns.proof.probe".keys)
		local other <close> = netns.new()
		ns.link:set { name = "lo", up = true }
		ns.link:add { name = "p0", kind = "veth", up = true,
			peer = { name = "p1", netns = other, up = true } }
		ns.addr:add { dev = "p0", addr = "10.0.0.1/24" }
		other.addr:add { dev = "p1", addr = "10.0.0.2/24" }
		other.link:add { name = "q0", kind = "veth", peer = { name = "q1" } }
		other.addr:add { dev = "q0", addr = "10.0.1.1/24" }
		ns.route:add { dst = "10.0.1.0/24", via = "10.0.0.2" }
		local function tcp(spec)
			return merge({ from = ns, to = other, proto = "tcp", port = 80 }, spec)
		end
		local seen = netns.probe {
			tcp { listen = true }, tcp {}, tcp { proto = "udp" }, tcp { to = "192.0.2.1" },
			tcp { family = "inet6" }, tcp { addr = "10.0.1.1", listen = true },
			tcp { addr = "10.0.0.9", timeout = 0.01 },
		}
		other.nft:run [[table inet t { chain c { type filter hook input priority 0
			meta length > 100 drop
		}; }]]
		table.insert(seen, netns.probe { from = ns, to = other, size = 200, timeout = 0.1 })
		ns.link:set { name = "p0", up = false }
		table.insert(seen, netns.probe(tcp {}))
		-- what takes seconds or a fault to see, as netns.probe would get it
		for _, more in ipairs {
			{ sent = true, cut = "limited", watched = 1, resent = 1 },
			{ sent = false, broken = { step = "socket", errno = "EMFILE" } },
			{ sent = true, late_errno = "ECONNRESET" },
			{ sent = true, crowded = true },
			{ sent = true, delivered = false, withheld = true },
			{ sent = true, listener_errno = "EACCES", watched = 1 },
		} do
			table.insert(seen, verdict(more, { proto = "tcp", addr = "10.0.0.2", port = 80 }))
		end
		local parts = { observation = {} }
		for _, one in ipairs(seen) do
			table.insert(parts.observation, one.observation)
			for key, value in pairs(one.observation) do
				parts[key] = parts[key] or {}
				table.insert(parts[key], value)
			end
		end
		same_fields("netns.Verdict", seen)
		for part, name in pairs {
			observation = "Observation", icmp = "Icmp", broken = "Broken", reply = "Reply", times = "Times",
			controls = "Controls", path = "Path",
		} do
			same_fields("netns.probe." .. name, parts[part])
		end
	end)

	it("has all verdicts", function()
		local names = require "netns.proof.verdict".names
		same("verdicts", literals(reference.aliases["netns.Verdict.Name"]), names)
	end)

	it("has what a lab is told, and what it can do", function()
		local lab = require "netns.lab"
		local net = lab.star(2)
		local inside = require "netns.lab.description".options
		local node = class "netns.lab.NodeOptions"
		same("netns.lab.NodeOptions", node.fields, inside.node)
		same("netns.lab.LinkOptions", class("netns.lab.LinkOptions").fields, inside.link)
		same("netns.lab.UpOptions", class("netns.lab.UpOptions").fields,
			require "netns.lab.build".options)
		same("netns.lab.Given", class("netns.lab.Given").fields, lab.new("x"):describe())
		local methods = merge(getmetatable(net).methods, getmetatable(net).elsewhere)
		same("netns.Lab", class("netns.Lab").methods, methods)
		for name in pairs(methods) do
			assert.is_function(net[name])
		end
		same("netns.lab.Node", class("netns.lab.Node").methods, require "netns.lab.node".methods)
		assert.equal("netns.ns", class("netns.lab.Node").parent)
		net:up()
		for name in pairs(class("netns.ns").methods) do
			assert.is_function(net:node("h1")[name])
		end
		net:down()
	end)

	it("has what proofs tell", function()
		local net <close> = require "netns.lab".star(3)
		net:up()
		net:node "h2".nft:run [[table inet f { chain c {
			type filter hook input priority 0; tcp dport 22 counter drop; }; }]]
		local rows = { { "h1", "h2", { "tcp/22", "tcp/23" }, { "open", "dropped" } } }
		local report, walk = net:check(rows, { explain = "all" }), net:explain("h1", "h2", "tcp/22")
		same("netns.Report", class("netns.Report").methods, getmetatable(report).__index)
		assert.equal("netns.report.Entry", class("netns.Report").indexed.integer)
		same_fields("netns.report.Entry", { report[1] })
		same("netns.Walk", class("netns.Walk").methods, getmetatable(walk).__index)
		same_fields("netns.Walk", { walk })
		same_fields("netns.walk.Hop", walk.hops)
		same_fields("netns.walk.End", { walk.ended })
		local mutation = net:mutate(rows)
		same("netns.Mutation", class("netns.Mutation").methods, getmetatable(mutation).__index)
		same_fields("netns.Mutation", { mutation })
		same_fields("netns.mutation.Mutant", mutation.survived)
	end)

	it("has what an error tells", function()
		local function failure(f, ...)
			local ok, err = pcall(f, ...)
			assert.is_false(ok)
			return err
		end
		local operations = require "netns.operations"
		local specs = { { name = "x", kind = "bridge" }, { name = "x", kind = "bridge" } }
		same_fields("netns.error", {
			failure(ns.link.add, ns.link, specs),
			failure(ns.link.add, ns.link, { name = "x", mtu = "big" }),
			failure(ns.route.add, ns.route, { dst = "10.0.0.0/8", via = "10.0.0.1" }),
			failure(ns.exec, ns, { "false" }),
			failure(operations.apply, { operations.new("a", "set", "link", "nope") }, { a = ns }),
		})
	end)

	it("has the operations", function()
		local operations = require "netns.operations"
		local fields = class("netns.Operation").fields
		local accepted = {}
		for object in pairs(literals(fields.object.type)) do
			for verb in pairs(literals(fields.verb.type)) do
				if pcall(operations.new, "x", verb, object, {}) then
					accepted[object], accepted[verb] = true, true
				end
			end
		end
		same("operations", merge(literals(fields.object.type), literals(fields.verb.type)), accepted)
		same("an operation", fields, operations.new("x", "add", "netns", {}, "here"))
		support.refused("EINVAL", "object", operations.new, "x", "add", "nothing")
	end)
end)
