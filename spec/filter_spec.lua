-- SPDX-License-Identifier: MIT
-- filter_spec.lua - ns.filter: what goes into which class, and what else is done with packets
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

-- Two namespaces with a cable, whose first end shapes.
local function pair()
	local a, b = netns.new(), netns.new()
	a.link:add { name = "x", kind = "veth", up = true, addrgenmode = "none",
		peer = { name = "x", netns = b, up = true } }
	a.link:add { name = "i0", kind = "veth", up = true, addrgenmode = "none", peer = { name = "i1" } }
	for i, ns in ipairs { a, b } do
		ns.addr:add { dev = "x", addr = ("10.0.0.%d/24"):format(i) }
	end
	a.qdisc:add { dev = "x", kind = "htb", handle = "1:", data = { default = 20 } }
	a.class:add {
		{ dev = "x", kind = "htb", classid = "1:10", data = { rate = "10mbit" } },
		{ dev = "x", kind = "htb", classid = "1:20", data = { rate = "10mbit" } },
	}
	return a, b
end

local function needs(what, kind)
	local there, why = netns.supports(what, kind)
	if not there then
		pending(why)
	end
end

describe("ns.filter", function()
	local a, b

	before_each(function()
		a, b = pair()
	end)

	after_each(function()
		a:close()
		b:close()
	end)

	-- Datagrams to a port of b; how many frames a class has sent.
	local function send(port, n)
		local rows = {}
		for i = 1, n or 1 do
			rows[i] = { from = a, to = b, proto = "udp", port = port, listen = true, timeout = 0.5 }
		end
		return netns.probe(rows)
	end

	local function sent(classid)
		return a.class:get({ dev = "x", classid = classid }).stats.packets
	end

	-- Without what the kernel chose.
	local function plain(list)
		for _, filter in ipairs(list) do
			filter.handle = filter.kind == "fw" and filter.handle or nil
		end
		return list
	end

	local specs = {
		u32 = {
			{ dev = "x", parent = "1:", kind = "u32", prio = 1, protocol = "ip", data = {
				classid = "1:10", src_ip = "10.0.0.0/8", dst_ip = "10.0.0.2/32", ip_proto = "udp",
				src_port = 53, dst_port = 999 } },
			{ dev = "x", parent = "1:", kind = "u32", prio = 2, protocol = "ipv6", data = {
				classid = "1:10", dst_ip = "fd00::/40", ip_proto = "tcp", dst_port = 80 } },
			{ dev = "x", parent = "1:", kind = "u32", prio = 3, protocol = "all", data = {
				classid = "1:20", match = { { at = 24, value = 0xff, mask = 0xff },
					{ at = 8, value = 0x40000000, mask = 0xff000000 } } } },
		},
		flower = {
			{ dev = "x", parent = "1:", kind = "flower", prio = 1, protocol = "ip", data = {
				classid = "1:10", src_ip = "10.0.0.0/8", dst_ip = "10.0.0.2/32", ip_proto = "udp",
				src_port = 53, dst_port = 999 } },
			{ dev = "x", parent = "1:", kind = "flower", prio = 2, protocol = "ipv6", data = {
				classid = "1:10", dst_ip = "fd00::/40", ip_proto = "tcp", dst_port = 80 } },
		},
		fw = { { dev = "x", parent = "1:", kind = "fw", prio = 1, protocol = "all", handle = 5,
			data = { classid = "1:10", mask = 255 } } },
		matchall = { { dev = "x", parent = "1:", kind = "matchall", prio = 1, protocol = "all",
			data = { classid = "1:10" } } },
		basic = { { dev = "x", parent = "1:", kind = "basic", prio = 1, protocol = "all",
			data = { classid = "1:10" } } },
	}

	for kind, list in pairs(specs) do
		it(kind .. " is listed as it was made, replaced and deleted", function()
			needs("filter", kind)
			a.filter:add(list)
			assert.same(list, plain(a.filter:list { dev = "x" }))
			local c, d = pair()
			finally(function()
				c:close()
				d:close()
			end)
			for _ = 1, 2 do
				c.filter:replace(a.filter:list { dev = "x" })
				assert.same(list, plain(c.filter:list { dev = "x" }))
			end
			assert.equal("x", d.link:get("x").name)
			a.filter:delete(a.filter:list { dev = "x" }[1])
			assert.equal(#list - 1, #a.filter:list { dev = "x" })
			a.filter:flush { dev = "x" }
			assert.same({}, a.filter:list { dev = "x" })
			c.filter:delete { dev = "x", prio = 1 }
			assert.equal(#list - 1, #c.filter:list { dev = "x" })
		end)
	end

	it("is what tc says that it is", function()
		if not support.has "tc" then
			pending "tc (of iproute2) is not installed"
		end
		a.filter:add(specs.u32)
		local told = a:exec({ "tc", "filter", "show", "dev", "x" }).stdout
		for _, word in ipairs {
			"protocol ip pref 1 u32", "flowid 1:10", "match 0a000000/ff000000 at 12",
			"match 0a000002/ffffffff at 16", "match 00110000/00ff0000 at 8",
			"match 003503e7/ffffffff at 20", "protocol ipv6 pref 2 u32", "match fd000000/ffffffff at 24",
			"match 000000ff/000000ff at 24",
		} do
			assert.is_truthy(told:find(word, 1, true), word)
		end
		a:exec { "tc", "filter", "add", "dev", "x", "protocol", "ip", "prio", "9", "u32", "match", "ip",
			"dport", "7", "0xffff", "match", "ip", "src", "10.9.0.0/16", "flowid", "1:20" }
		assert.same({ dst_port = 7, src_ip = "10.9.0.0/16", classid = "1:20" },
			a.filter:get({ dev = "x", prio = 9 }).data)
	end)

	for _, kind in ipairs { "u32", "flower" } do
		it("chooses a class: " .. kind, function()
			needs("filter", kind)
			send(999)
			assert.equal(0, sent "1:10")
			a.filter:add { dev = "x", kind = kind, data = { ip_proto = "udp", dst_port = 999,
				classid = "1:10" } }
			assert.equal("open", send(998)[1].verdict)
			assert.equal(0, sent "1:10")
			assert.equal("open", send(999)[1].verdict)
			assert.is_true(sent "1:10" > 0)
		end)
	end

	it("drops what comes in, and only that", function()
		needs("action", "gact")
		b.qdisc:add { dev = "x", kind = "clsact" }
		b.filter:add { dev = "x", parent = "ingress", kind = "u32", data = {
			ip_proto = "udp", dst_port = 999, actions = { { kind = "gact", action = "drop" } } } }
		assert.equal("dropped", send(999)[1].verdict)
		assert.equal("open", send(998)[1].verdict)
		b.filter:flush { dev = "x" }
		assert.equal("open", send(999)[1].verdict)
	end)

	it("redirects and mirrors to another link", function()
		needs("action", "mirred")
		local function seen()
			return a.link:get("i0").stats.tx_packets
		end
		a.qdisc:add { dev = "i0", kind = "pfifo", data = { limit = 9 } }
		a.link:set { name = "i1", up = true }
		a.filter:add { dev = "x", prio = 5, kind = "u32", data = { ip_proto = "udp", dst_port = 999,
			actions = { { kind = "mirred", mode = "mirror", dev = "i0" } } } }
		assert.same({ kind = "mirred", mode = "mirror", dev = "i0", direction = "egress",
			action = "pipe" }, a.filter:get({ dev = "x", prio = 5 }).data.actions[1])
		local before = seen()
		assert.equal("open", send(999)[1].verdict)
		assert.is_true(seen() > before)
		a.filter:delete { dev = "x", prio = 5 }
		a.filter:add { dev = "x", prio = 5, kind = "u32", data = { ip_proto = "udp", dst_port = 999,
			actions = { { kind = "mirred", mode = "redirect", dev = "i0" } } } }
		before = seen()
		assert.not_equal("open", send(999)[1].verdict)
		assert.is_true(seen() > before)
	end)

	it("lets through no more than a rate", function()
		needs("action", "police")
		b.qdisc:add { dev = "x", kind = "ingress" }
		b.filter:add { dev = "x", parent = "ingress", kind = "u32", data = { ip_proto = "udp",
			actions = { { kind = "police", rate = "8kbit", burst = 500 } } } }
		local action = b.filter:list({ dev = "x" })[1].data.actions[1]
		assert.same({ "drop", 8000, 500 }, { action.action, action.rate, action.burst })
		local open = 0
		for _, verdict in ipairs(send(999, 60)) do
			open = open + (verdict.verdict == "open" and 1 or 0)
		end
		assert.is_true(open > 0 and open < 60, open .. " of 60")
	end)

	it("keeps the two sides of clsact apart", function()
		a.qdisc:add { dev = "i0", kind = "clsact" }
		for i, side in ipairs { "ingress", "egress" } do
			a.filter:add { dev = "i0", parent = side, prio = i, kind = "u32", data = { classid = "1:1" } }
		end
		local function sides(filter)
			local out = {}
			for i, entry in ipairs(a.filter:list(filter)) do
				out[i] = entry.parent
			end
			return out
		end
		assert.same({ "ingress", "egress" }, sides { dev = "i0" })
		assert.same({ "egress" }, sides { dev = "i0", parent = "egress" })
		a.filter:flush { dev = "i0", parent = "ingress" }
		assert.same({ "egress" }, sides { dev = "i0" })
	end)

	it("says what is wrong, with the field", function()
		local function bad(attr, data, more)
			local spec = { dev = "x", kind = "u32", data = data }
			for key, value in pairs(more or {}) do
				spec[key] = value
			end
			assert.is_true(refused("EINVAL", attr, a.filter.add, a.filter, spec).misuse)
			assert.same({}, a.filter:list { dev = "x" })
		end
		bad("data.src_ip", { src_ip = "10.0.0.0/33" })
		bad("data.dst_ip", { src_ip = "10.0.0.0/8", dst_ip = "fd00::/8" })
		bad("data.src_port", { src_port = 65536 })
		bad("data.ip_proto", { ip_proto = "telnet" })
		bad("data.classid", { classid = "10" })
		bad("data.colour", { colour = 1 })
		bad("data.match.mask", { match = { { at = 0, value = 1 } } })
		bad("data.actions.kind", { actions = { {} } })
		bad("data.actions.kind", { actions = { { kind = "beep" } } })
		bad("data.actions.action", { actions = { { kind = "gact" } } })
		bad("data.actions.dev", { actions = { { kind = "mirred", mode = "mirror" } } })
		bad("data.actions.rate", { actions = { { kind = "police" } } })
		bad("data.ip_proto", { dst_port = 80 }, { kind = "flower" })
		bad("protocol", { src_ip = "10.0.0.0/8" }, { protocol = "ipv6" })
		bad("protocol", {}, { protocol = "ipx" })
		bad("prio", {}, { prio = 65536 })
		bad("parent", {}, { parent = "there" })
		refused("EINVAL", "dev", a.filter.list, a.filter)
		refused("ENODEV", "data.actions.dev", a.filter.add, a.filter, { dev = "x", kind = "u32",
			data = { actions = { { kind = "mirred", mode = "mirror", dev = "nope" } } } })
		a.filter:add { dev = "x", kind = "u32", prio = 4, data = { classid = "1:10" } }
		refused("EINVAL", "data.src_ip", a.filter.set, a.filter, { dev = "x", kind = "u32", prio = 4,
			data = { src_ip = "10.0.0.0/8" } })
		refused("EADDRNOTAVAIL", nil, a.filter.delete, a.filter, { dev = "x", prio = 5 })
	end)
end)
