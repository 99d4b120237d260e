-- SPDX-License-Identifier: MIT
-- qdisc_spec.lua - ns.qdisc and ns.class
local json = require "netns.json"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

-- A kind with its data, and what tc calls it: { our key, tc's key, factor }.
local samples = {
	{ kind = "tbf", data = { rate = 10000000, burst = 10240, limit = 72740 },
		tc = { { "rate", "rate", 1 / 8 }, { "burst", "burst", 1 } } },
	{ kind = "htb", handle = "1:", data = { default = 16, r2q = 10 }, tc = { { "r2q", "r2q", 1 } } },
	{ kind = "pfifo", data = { limit = 17 }, tc = { { "limit", "limit", 1 } } },
	{ kind = "bfifo", data = { limit = 3000 }, tc = { { "limit", "limit", 1 } } },
	{ kind = "fq_codel", data = { limit = 1000, flows = 64, quantum = 1514, ecn = false,
		target = 0.007, interval = 0.2 }, tc = { { "limit", "limit", 1 }, { "flows", "flows", 1 },
		{ "target", "target", 1e6 }, { "interval", "interval", 1e6 } } },
	{ kind = "netem", data = {
		delay = 0.05, jitter = 0.01, loss = 0.01, duplicate = 0.02, corrupt = 0.03, reorder = 0.25,
		gap = 5, rate = 10000000, limit = 500 }, tc = { { "limit", "limit", 1 }, { "gap", "gap", 1 } } },
	{ kind = "ingress", tc = {} },
	{ kind = "clsact", tc = {} },
}

local function pair()
	local ns = netns.new()
	ns.link:add { name = "x", kind = "veth", up = true, peer = { name = "y", up = true } }
	return ns
end

-- Another namespace, that the first one reaches over links called z.
local function cable(a)
	local b = netns.new()
	a.link:add { name = "z", kind = "veth", up = true, peer = { name = "z", netns = b, up = true } }
	a.addr:add { dev = "z", addr = "10.0.1.1/24" }
	b.addr:add { dev = "z", addr = "10.0.1.2/24" }
	return b
end

--- Add it; where this kernel lacks the kind, say so.
local function add_or_skip(ns, sample, dev)
	local added, e = pcall(ns.qdisc.add, ns.qdisc,
		{ dev = dev or "x", kind = sample.kind, handle = sample.handle, data = sample.data })
	if not added and e.code == "ENOENT" and tostring(e):find "unknown" then
		pending(("this kernel has no qdisc %s: %s"):format(sample.kind, e.message))
	end
	assert.is_true(added, tostring(e))
end

describe("ns.qdisc", function()
	local a

	before_each(function()
		a = pair()
	end)

	after_each(function()
		a:close()
	end)

	for _, sample in ipairs(samples) do
		it("adds " .. sample.kind .. ", lists it as tc does, and can add the listing again", function()
			add_or_skip(a, sample)
			local listed = a.qdisc:list { kind = sample.kind }[1]
			assert.same(sample.data, listed.data and (function()
				local out = {}
				for key in pairs(sample.data or {}) do
					out[key] = listed.data[key]
				end
				return out
			end)())
			if support.has "tc" then
				for _, theirs in ipairs(json.decode(a:exec { "tc", "-j", "qdisc" }.stdout)) do
					if theirs.kind == sample.kind then
						for _, row in ipairs(sample.tc) do
							assert.equal(listed.data[row[1]] * row[3], theirs.options[row[2]], row[1])
						end
					end
				end
			end
			local b <close> = pair()
			b.qdisc:replace(a.qdisc:list())
			local function plain(ns)
				local list = ns.qdisc:list()
				for _, each in ipairs(list) do
					each.stats, each.refcnt = nil, nil
				end
				return list
			end
			assert.same(plain(a), plain(b))
			a.qdisc:delete { dev = "x", kind = sample.kind }
			assert.same({}, a.qdisc:list { kind = sample.kind })
		end)
	end

	it("takes units as tc has them", function()
		a.qdisc:add { dev = "x", kind = "tbf",
			data = { rate = "10mbit", burst = "10kb", latency = "50ms" } }
		assert.same({ 10000000, 10240, 72740 }, (function(d)
			return { d.rate, d.burst, d.limit }
		end)(a.qdisc:get({ dev = "x", kind = "tbf" }).data))
	end)

	it("changes and replaces, and flushes to the kernel's own", function()
		a.qdisc:add { dev = "x", kind = "pfifo", data = { limit = 5 } }
		a.qdisc:set { dev = "x", kind = "pfifo", data = { limit = 6 } }
		assert.equal(6, a.qdisc:get({ dev = "x" }).data.limit)
		a.qdisc:replace { dev = "x", kind = "bfifo", data = { limit = 7000 } }
		assert.equal("bfifo", a.qdisc:get({ dev = "x" }).kind)
		a.qdisc:flush()
		assert.equal("noqueue", a.qdisc:get({ dev = "x" }).kind)
	end)

	it("replaces what cannot be changed, if it is so already", function()
		a.qdisc:add { { dev = "x", kind = "ingress" }, { dev = "y", kind = "htb", handle = "1:" } }
		local before = a.qdisc:list()
		a.qdisc:replace(before)
		a.qdisc:replace { { dev = "x", kind = "ingress" }, { dev = "y", kind = "htb", handle = "1:" } }
		assert.same(before, a.qdisc:list())
		refused("EINVAL", nil, a.qdisc.replace, a.qdisc,
			{ dev = "y", kind = "htb", handle = "1:", data = { default = 5 } })
		-- one class of tbf is its own
		a.qdisc:replace { dev = "x", kind = "tbf", data = samples[1].data }
		assert.equal(1, #a.class:list { dev = "x" })
		a.class:replace(a.class:list { dev = "x" })
		a.class:flush { dev = "x" }
	end)

	it("counts", function()
		a.addr:add { dev = "x", addr = "10.0.0.1/24" }
		a.qdisc:add { dev = "x", kind = "pfifo", data = { limit = 100 } }
		a.neigh:add { dev = "x", dst = "10.0.0.2", lladdr = "02:00:00:00:00:02" }
		netns.probe { from = a, to = "10.0.0.2", timeout = 0.01 }
		local stats = a.qdisc:get({ dev = "x", kind = "pfifo" }).stats
		assert.is_true(stats.packets > 0)
		assert.same({ 0, 0 }, { stats.drops, stats.backlog })
	end)

	it("limits a rate", function()
		local b <close> = cable(a)
		a.qdisc:add { dev = "z", kind = "tbf", data = { rate = "8kbit", burst = 1600, limit = 100000 } }
		-- 42 bytes each: what is beyond the burst waits, a thousand bytes a second
		local rows = {}
		for i = 1, 60 do
			rows[i] = { from = a, to = b, proto = "udp", port = 1000 + i, listen = true, timeout = 3 }
		end
		local slowest = 0
		for _, verdict in ipairs(netns.probe(rows)) do
			slowest = math.max(slowest, verdict.observation.times.answered or 0)
		end
		assert.is_true(slowest > 0.5, tostring(slowest))
	end)

	it("delays what is sent, as a probe sees", function()
		local b <close> = cable(a)
		add_or_skip(a, { kind = "netem", data = { delay = "30ms" } }, "z")
		add_or_skip(b, { kind = "netem", data = { delay = "20ms" } }, "z")
		local verdict = netns.probe { from = a, to = b, proto = "icmp", timeout = 5 }
		assert.equal("open", verdict.verdict)
		assert.is_true(verdict.rtt >= 0.05, tostring(verdict.rtt))
	end)

	it("loses its share of what is sent", function()
		local b <close> = cable(a)
		add_or_skip(a, { kind = "netem", data = { loss = "40%" } }, "z")
		a.neigh:add { dev = "z", dst = "10.0.1.2", lladdr = b.link:get("z").mac }
		local rows = {}
		for i = 1, 200 do
			rows[i] = { from = a, to = "10.0.1.2", proto = "udp", port = 1000 + i, timeout = 0.05 }
		end
		local before = b.link:get("z").stats.rx_packets
		netns.probe(rows)
		local stats = a.qdisc:get({ dev = "z", kind = "netem" }).stats
		local share = stats.drops / (stats.drops + stats.packets)
		assert.is_true(stats.drops + stats.packets >= 200)
		assert.is_true(share > 0.2 and share < 0.6, tostring(share))
		assert.is_true(b.link:get("z").stats.rx_packets - before <= stats.packets)
		a.qdisc:set { dev = "z", kind = "netem", data = { loss = 1 } }
		local verdict = netns.probe { from = a, to = b, proto = "icmp", timeout = 0.1 }
		assert.same({ "dropped", false }, { verdict.verdict, verdict.delivered })
	end)

	it("says what is wrong, with the field", function()
		local function bad(attr, spec)
			refused("EINVAL", attr, a.qdisc.add, a.qdisc, spec)
		end
		bad("dev", { kind = "tbf", data = { rate = 1, burst = 1, limit = 1 } })
		bad("kind", { dev = "x" })
		bad("data.rate", { dev = "x", kind = "tbf", data = { burst = 1, limit = 1 } })
		bad("data.rate", { dev = "x", kind = "tbf", data = { rate = "fast", burst = 1, limit = 1 } })
		bad("data.limit", { dev = "x", kind = "tbf", data = { rate = 1, burst = 1 } })
		bad("data.loss", { dev = "x", kind = "netem", data = { loss = "101%" } })
		bad("data.colour", { dev = "x", kind = "netem", data = { colour = 1 } })
		bad("handle", { dev = "x", kind = "pfifo", handle = "10" })
		bad("parent", { dev = "x", kind = "pfifo", parent = "1:10000" })
		bad("data", { dev = "x", kind = "ingress", data = { limit = 1 } })
	end)
end)

describe("ns.class", function()
	it("divides a link's rate", function()
		local a <close> = pair()
		add_or_skip(a, samples[2])
		a.class:add {
			{ dev = "x", kind = "htb", classid = "1:1", data = { rate = "10mbit" } },
			{ dev = "x", kind = "htb", classid = "1:10", parent = "1:1",
				data = { rate = "5mbit", ceil = "10mbit", prio = 2 } },
		}
		local class = a.class:get { dev = "x", classid = "1:10" }
		assert.same({ "1:1", 5000000, 10000000, 2 },
			{ class.parent, class.data.rate, class.data.ceil, class.data.prio })
		a.class:set { dev = "x", kind = "htb", classid = "1:10", parent = "1:1",
			data = { rate = "6mbit" } }
		assert.equal(6000000, a.class:get({ dev = "x", classid = "1:10" }).data.rate)
		a.qdisc:add { dev = "x", kind = "bfifo", parent = "1:10", handle = "10:",
			data = { limit = 3000 } }
		assert.equal("1:10", a.qdisc:get({ dev = "x", kind = "bfifo" }).parent)
		a.qdisc:delete { dev = "x", parent = "1:10" }
		a.class:delete { dev = "x", classid = "1:10" }
		assert.equal(1, #a.class:list { dev = "x" })
		refused("EINVAL", "dev", a.class.list, a.class)
		refused("EINVAL", "classid", a.class.add, a.class, { dev = "x", kind = "htb" })
		refused("EINVAL", "data.rate", a.class.add, a.class, { dev = "x", kind = "htb", classid = "1:2" })
	end)

	it("replaces classes in whatever order the kernel lists them", function()
		local a <close> = pair()
		add_or_skip(a, samples[2])
		local list = {}
		for i, parent in ipairs { "1:4", "1:1", "1:2", "root" } do
			list[i] = { dev = "x", kind = "htb", classid = ("1:%d"):format(({ 5, 2, 4, 1 })[i]),
				parent = parent, data = { rate = "1mbit" } }
		end
		a.class:replace(list)
		for _, wanted in ipairs(list) do
			local found = a.class:get { dev = "x", classid = wanted.classid }
			assert.equal(wanted.parent, found.parent, wanted.classid)
		end
	end)
end)
