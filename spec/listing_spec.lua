-- SPDX-License-Identifier: MIT
-- listing_spec.lua - filters of `list`: what they mean, and what the kernel already leaves out
local strace = require "spec.strace"
local support = require "spec.support"

-- A namespace with many of everything, and few of what the filters ask for.
local build = [[
	local netns = require "netns"
	local ns = netns.new()
	local links, addrs, routes, neighs = { { name = "br0", kind = "bridge" } }, {}, {}, {}
	for i = 1, 60 do
		links[#links + 1] = { name = "a" .. i, kind = "veth", up = true, addrgenmode = "none",
			peer = { name = "b" .. i } }
		addrs[#addrs + 1] = { dev = "a" .. i, addr = ("10.0.%d.1/24"):format(i) }
		routes[#routes + 1] = { dst = ("10.1.%d.0/24"):format(i), dev = "a" .. i, proto = "static" }
		neighs[#neighs + 1] = { dev = "a" .. i, dst = ("10.0.%d.2"):format(i),
			lladdr = "02:00:00:00:00:01" }
	end
	ns.link:add(links)
	ns.link:set { name = "a1", master = "br0" }
	ns.addr:add(addrs)
	ns.addr:add { dev = "a2", addr = "fd00::1/64", flags = { "nodad" } }
	ns.route:add(routes)
	ns.route:add {
		{ dst = "10.2.0.0/24", type = "blackhole" }, { dst = "10.2.1.0/24", dev = "a3", proto = "bird" },
		{ dst = "10.2.2.0/24", dev = "a4", table = 77 }, { dst = "fd01::/64", dev = "a2" },
	}
	ns.neigh:add(neighs)
]]

-- Object, filter, what it selects from the listing of everything, and the filter that gives that.
local cases = {
	{ "link", { kind = "bridge" }, function(e) return e.kind == "bridge" end },
	{ "link", { master = "br0" }, function(e) return e.master == "br0" end },
	{ "link", { name = "a7" }, function(e) return e.name == "a7" end },
	{ "addr", { dev = "a5" }, function(e) return e.dev == "a5" end },
	{ "addr", { family = "inet6" }, function(e) return e.dev == "a2" and e.family ~= "inet" end },
	{ "addr", { addr = "fd00::1/64" }, function(e) return e.family == "inet6" end },
	{ "route", { dev = "a5" }, function(e) return e.dev == "a5" end },
	{ "route", { proto = "bird" }, function(e) return e.proto == "bird" end },
	{ "route", { proto = 12 }, function(e) return e.proto == "bird" end },
	{ "route", { type = "blackhole" }, function(e) return e.type == "blackhole" end },
	{ "route", { family = "inet6" }, function(e) return e.family == "inet6" end },
	{ "route", { dst = "fd01::/64" }, function(e) return e.dst == "fd01::/64" end },
	{ "route", { table = 77 }, function(e) return e.table == 77 end, { table = "all" } },
	{ "neigh", { dev = "a5" }, function(e) return e.dev == "a5" end },
}

local function describe_filter(filter)
	local key, value = next(filter)
	return ("%s = %s"):format(key, value)
end

describe("a filter of list", function()
	local ns

	before_each(function()
		ns = load(build .. " return ns")()
	end)

	after_each(function()
		ns:close()
	end)

	it("selects what has all of its fields", function()
		for _, case in ipairs(cases) do
			local object, filter, wanted, all = table.unpack(case, 1, 4)
			local expected = {}
			for _, entry in ipairs(ns[object]:list(all)) do
				expected[#expected + 1] = wanted(entry) and entry or nil
			end
			local where = object .. " " .. describe_filter(filter)
			assert.is_true(#expected > 0, where)
			assert.same(expected, ns[object]:list(filter), where)
		end
	end)

	it("takes fields together", function()
		assert.same({}, ns.route:list { proto = "bird", dev = "a5" })
		assert.equal(1, #ns.route:list { proto = "bird", dev = "a3" })
		assert.equal(1, #ns.link:list { kind = "veth", master = "br0", name = "a1" })
		assert.same({}, ns.route:list { family = "inet", dst = "fd01::/64" })
	end)

	it("is left to the kernel where it can select", function()
		local why = strace.missing()
		if why then
			pending(why)
		end
		local script = { strace.marks, build, "trace_from()" }
		for _, case in ipairs(cases) do
			local object, filter, _, all = table.unpack(case, 1, 4)
			local key, value = next(filter)
			table.insert(script, ("ns.%s:list(%s) io.open '/trace/next'"):format(object,
				all and "{ table = 'all' }" or ""))
			table.insert(script, ("ns.%s:list { %s = %q } io.open '/trace/next'"):format(object, key, value))
		end
		table.insert(script, "trace_to()")
		local received = { 0 }
		for _, point in ipairs(strace.points { support.interpreter, "--host", "-",
			stdin = table.concat(script, "\n"), timeout = 120 }) do
			if point.call == "openat" then
				received[#received + 1] = 0
			elseif point.call == "recvmsg" then
				received[#received] = received[#received] + point.result
			end
		end
		for i, case in ipairs(cases) do
			local every, few = received[2 * i - 1], received[2 * i]
			assert.is_true(every > 4000, case[1])
			assert.is_true(every > 8 * few, ("%s %s: %d of %d bytes"):format(case[1],
				describe_filter(case[2]), few, every))
		end
	end)
end)
