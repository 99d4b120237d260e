-- SPDX-License-Identifier: MIT
-- probe_spec.lua - every verdict produced by a real situation, over both families and all protocols

local netns = require "netns.core"
local probe = require "netns.proof.probe".probe
local support = require "spec.support"

netns.fields.nft = netns.fields.nft or function(ns)
	return require "netns.firewall".new(ns)
end

-- A filter table with one chain on `hook`.
local function filter(hook, rules)
	return ([[
		flush ruleset
		table inet filter {
			chain %s { type filter hook %s priority filter; policy accept;
				%s
			}
		}]]):format(hook, hook, table.concat(rules, "\n"))
end

local probes = { "icmp type echo-request", "icmpv6 type echo-request", "meta l4proto { tcp, udp }" }

-- `verb` for every probe.
local function each_probe(verb)
	local rules = {}
	for i, match in ipairs(probes) do
		rules[i] = match .. " " .. verb
	end
	return rules
end

local function refused(code, attr, spec)
	local ok, err = pcall(probe, spec)
	assert.is_false(ok)
	assert.equal(code, err.code, tostring(err))
	assert.equal(attr, err.attr, tostring(err))
	return err
end

describe("netns.probe", function()
	local a, b, router

	local function has_nft()
		local ok, why = require "netns.firewall".available()
		if not ok then
			pending(why)
		end
		return ok
	end

	local function wire(left, right, net)
		local l, r = "to" .. net, "from" .. net
		left.link:add { name = l, kind = "veth", peer = { name = r, netns = right } }
		left.link:set { name = l, addrgenmode = "none", up = true }
		right.link:set { name = r, addrgenmode = "none", up = true }
		-- a router asks for neighbours with a link-local address, and not with one that it still checks
		left.addr:add { dev = l, addr = "fe80::1/64", flags = { "nodad" } }
		right.addr:add { dev = r, addr = "fe80::2/64", flags = { "nodad" } }
		for family, prefix in pairs { inet = "10.0.%d.%d/24", inet6 = "fd00:%d::%d/64" } do
			local flags = family == "inet6" and { "nodad" } or nil
			left.addr:add { dev = l, addr = prefix:format(net, 1), flags = flags }
			right.addr:add { dev = r, addr = prefix:format(net, 2), flags = flags }
		end
		-- the kernel takes them into use in the background
		assert.is_true(support.eventually(function()
			return left.route:lookup(("fd00:%d::1"):format(net)).type == "local"
				and right.route:lookup(("fd00:%d::2"):format(net)).type == "local"
		end))
	end

	-- All protocols over both families, at once; `extra` goes into each. Returns name -> verdict.
	local function all(extra)
		local list, names, found = {}, {}, {}
		for _, family in ipairs { "inet", "inet6" } do
			for _, proto in ipairs { "icmp", "tcp", "udp" } do
				local spec = { from = a, to = b, family = family, proto = proto }
				if proto ~= "icmp" then
					spec.port = 80
				end
				for key, value in pairs(extra or {}) do
					spec[key] = value
				end
				list[#list + 1] = spec
				names[#names + 1] = family .. " " .. proto
			end
		end
		for i, verdict in ipairs(probe(list)) do
			found[names[i]] = verdict
		end
		return found
	end

	-- `expected` by protocol, or one for all; the same for both families.
	local function expect(expected, verdicts)
		for name, verdict in pairs(verdicts) do
			local want = type(expected) == "table" and expected[name:match("%S+$")] or expected
			assert.equal(want, verdict.verdict, name .. ": " .. verdict.why)
			assert.matches("^[%u%x].*%.$", verdict.why)
			assert.is_nil(verdict.why:find("?", 1, true), verdict.why)
		end
	end

	before_each(function()
		a, b = netns.new(), netns.new()
	end)

	after_each(function()
		a:close()
		b:close()
		if router then
			router:close()
			router = nil
		end
	end)

	describe("between neighbours", function()
		before_each(function()
			wire(a, b, 1)
		end)

		it("finds what is open: delivered and answered", function()
			local verdicts = all { listen = true }
			expect("open", verdicts)
			for name, verdict in pairs(verdicts) do
				assert.is_true(verdict.delivered)
				assert.is_true(verdict.answered)
				assert.is_true(verdict.rtt > 0)
				assert.equal(not name:find "icmp" and "own" or nil, verdict.listener)
			end
		end)

		it("finds closed ports refused by the target itself", function()
			local verdicts = all()
			expect({ icmp = "open", tcp = "refused", udp = "refused" }, verdicts)
			assert.equal("10.0.1.2", verdicts["inet tcp"].by)
			assert.equal("port-unreachable", verdicts["inet6 udp"].icmp.name)
			assert.is_true(verdicts["inet udp"].delivered)
			assert.is_false(verdicts["inet udp"].answered)
		end)

		it("finds hundreds of closed ports refused, though errors come one a second", function()
			for _, family in ipairs { "inet", "inet6" } do
				local list = {}
				for i = 1, 200 do
					list[i] = { from = a, to = b, proto = "udp", port = 1000 + i, family = family }
				end
				for _, verdict in ipairs(probe(list)) do
					assert.equal("refused", verdict.verdict, verdict.why)
					assert.is_true(verdict.delivered)
					assert.is_true(verdict.observation.watched < 30)
				end
			end
		end)

		it("finds what the receiver's input hook drops", function()
			if not has_nft() then return end
			b.nft:run(filter("input", each_probe "drop"))
			local verdicts = all { listen = true }
			expect("dropped", verdicts)
			assert.is_false(verdicts["inet tcp"].delivered)
			assert.matches("neighbour 10.0.1.2 on to1 answers", verdicts["inet tcp"].why)
		end)

		it("finds what the receiver's input hook rejects", function()
			if not has_nft() then return end
			b.nft:run(filter("input", each_probe "reject with icmpx admin-prohibited"))
			local verdicts = all { listen = true }
			expect("rejected", verdicts)
			assert.equal("fd00:1::2", verdicts["inet6 tcp"].by)
			assert.equal("admin-prohibited", verdicts["inet udp"].icmp.name)
		end)

		it("tells hundreds of rejects from drops, though errors come one a second", function()
			if not has_nft() then return end
			if not support.read("/proc/self/net/snmp"):find("OutRateLimitHost", 1, true) then
				pending "this kernel does not count the ICMP errors that it holds back"
			end
			b.nft:run(filter("input", {
				"meta l4proto { tcp, udp } th dport 1000-1199 reject with icmpx admin-prohibited",
				"meta l4proto { tcp, udp } th dport 1200-1219 drop",
			}))
			for _, family in ipairs { "inet", "inet6" } do
				local list = {}
				for port = 1000, 1219 do
					list[#list + 1] = { from = a, to = b, family = family, port = port,
						proto = port % 2 == 0 and "udp" or "tcp" }
				end
				local held = 0
				for i, verdict in ipairs(probe(list)) do
					assert.equal(list[i].port < 1200 and "rejected" or "dropped", verdict.verdict, verdict.why)
					held = held + (verdict.observation.withheld and 1 or 0)
				end
				assert.is_true(held > 100)
			end
		end)

		it("tells a reject with port-unreachable from a closed port", function()
			if not has_nft() then return end
			b.nft:run(filter("input", each_probe "reject with icmpx port-unreachable"))
			expect("rejected", all())
		end)

		it("tells a firewall's reset from the target's", function()
			if not has_nft() then return end
			b.nft:run(filter("input", { "tcp dport 80 reject with tcp reset" }))
			expect({ icmp = "open", tcp = "rejected", udp = "refused" }, all())
		end)

		it("finds lost answers: the receiver's output hook", function()
			if not has_nft() then return end
			b.nft:run(filter("output", {
				"icmp type { echo-reply, destination-unreachable } drop",
				"icmpv6 type { echo-reply, destination-unreachable } drop",
				"meta l4proto { tcp, udp } drop",
			}))
			local verdicts = all { listen = true }
			expect("one_way", verdicts)
			assert.is_true(verdicts["inet udp"].delivered)
			assert.is_false(verdicts["inet udp"].answered)
		end)

		it("finds lost answers: the sender's input hook", function()
			if not has_nft() then return end
			a.nft:run(filter("input", {
				"icmp type { echo-reply, destination-unreachable } drop",
				"icmpv6 type { echo-reply, destination-unreachable } drop",
				"meta l4proto { tcp, udp } drop",
			}))
			expect("one_way", all())
		end)

		it("finds no route", function()
			local list = {}
			for i, addr in ipairs { "10.9.9.9", "fd09::9" } do
				list[i] = { from = a, to = b, addr = addr, proto = "tcp", port = 80 }
				list[i + 2] = { from = a, to = b, addr = addr, proto = "udp", port = 80 }
				list[i + 4] = { from = a, to = b, addr = addr }
			end
			for _, verdict in ipairs(probe(list)) do
				assert.equal("no_route", verdict.verdict, verdict.why)
			end
		end)

		it("finds what the sender's routes forbid", function()
			local types = { blackhole = "blackhole", prohibit = "prohibited", unreachable = "no_route" }
			for kind, expected in pairs(types) do
				for _, dst in ipairs { "10.9.9.0/24", "fd09::/64" } do
					a.route:add { dst = dst, type = kind }
					local addr = dst:gsub("0?/%d+", "9")
					for _, verdict in ipairs(probe {
						{ from = a, to = b, addr = addr },
						{ from = a, to = b, addr = addr, proto = "tcp", port = 80 },
						{ from = a, to = b, addr = addr, proto = "udp", port = 80 },
					}) do
						assert.equal(expected, verdict.verdict, kind .. ": " .. verdict.why)
					end
					a.route:delete { dst = dst, type = kind }
				end
			end
		end)

		it("finds that nobody has the address", function()
			local list = {}
			for _, addr in ipairs { "10.0.1.9", "fd00:1::9" } do
				list[#list + 1] = { from = a, to = b, addr = addr }
				list[#list + 1] = { from = a, to = b, addr = addr, proto = "tcp", port = 80 }
				list[#list + 1] = { from = a, to = b, addr = addr, proto = "udp", port = 80 }
			end
			for _, verdict in ipairs(probe(list)) do
				assert.equal("no_neighbour", verdict.verdict, verdict.why)
			end
		end)

		it("finds the link down, at either end", function()
			a.link:set { name = "to1", up = false }
			local addresses = { inet = "10.0.1.2", inet6 = "fd00:1::2" }
			for family, addr in pairs(addresses) do
				expect("link_down", all { addr = addr, family = family })
			end
			a.link:set { name = "to1", up = true }
			a.addr:replace { dev = "to1", addr = "fd00:1::1/64", flags = { "nodad" } }
			b.link:set { name = "from1", up = false }
			for family, addr in pairs(addresses) do
				expect("link_down", all { addr = addr, family = family })
			end
		end)

		it("finds that all links are down, those aside that the kernel made", function()
			local function none(of)
				local verdict = probe { from = of, to = "10.9.0.1" }
				return verdict.verdict .. " " .. (verdict.why:match "link (%S+)" or "")
			end
			local bare <close> = netns.new()
			bare.link:add { name = "sit0", kind = "bridge" }
			assert.equal("no_route ", none(bare))
			bare.link:add { name = "eth0", kind = "bridge" }
			assert.equal("link_down eth0", none(bare))
			bare.link:set { name = "sit0", up = true }
			assert.equal("link_down eth0", none(bare))
			bare.link:add { name = "eth1", kind = "bridge", up = true }
			assert.equal("no_route ", none(bare))
		end)

		it("finds what the sender's own firewall keeps in", function()
			if not has_nft() then return end
			a.nft:run(filter("output", each_probe "drop"))
			expect("local_denied", all())
		end)

		it("does not take silence for isolation where nobody can look", function()
			if not has_nft() then return end
			b.nft:run(filter("input", each_probe "drop"))
			local verdicts = probe {
				{ from = a, to = "10.0.1.2" },
				{ from = a, to = "10.0.1.2", proto = "tcp", port = 80 },
				{ from = a, to = "fd00:1::2", proto = "udp", port = 80 },
			}
			for _, verdict in ipairs(verdicts) do
				assert.equal("inconclusive", verdict.verdict, verdict.why)
				assert.is_nil(verdict.delivered)
			end
		end)

		it("takes answers and refusals of a plain address", function()
			assert.equal("open", probe { from = a, to = "10.0.1.2" }.verdict)
			assert.equal("refused", probe { from = a, to = "10.0.1.2", proto = "tcp", port = 80 }.verdict)
			assert.equal("refused", probe { from = a, to = "fd00:1::2", proto = "udp", port = 80 }.verdict)
			assert.equal("no_route", probe { from = a, to = "10.9.9.9" }.verdict)
		end)

		it("does not call an address dropped that the receiver does not have", function()
			a.route:add { dst = "10.9.9.0/24", via = "10.0.1.2" }
			local verdict = probe { from = a, to = b, addr = "10.9.9.9" }
			assert.equal("inconclusive", verdict.verdict, verdict.why)
			assert.matches("does not have the address", verdict.why)
		end)

		it("says so when the receiver has no address", function()
			b.addr:flush { family = "inet6" }
			local verdict = probe { from = a, to = b, family = "inet6" }
			assert.equal("inconclusive", verdict.verdict)
			assert.matches("no global inet6 address", verdict.why)
		end)

		it("probes 500 ports at once", function()
			if not has_nft() then return end
			b.nft:run(filter("input", { "tcp dport 1000-1249 drop" }))
			local list = {}
			for i = 1, 500 do
				list[i] = { from = a, to = b, proto = "tcp", port = 999 + i }
			end
			for i, verdict in ipairs(probe(list)) do
				assert.equal(i <= 250 and "dropped" or "refused", verdict.verdict, verdict.why)
			end
		end)
	end)

	describe("through a router", function()
		before_each(function()
			router = netns.new()
			wire(a, router, 1)
			wire(router, b, 2)
			router:call(function()
				for _, key in ipairs { "ipv4/ip_forward", "ipv6/conf/all/forwarding" } do
					local file <close> = assert(io.open("/proc/sys/net/" .. key, "w"))
					assert(file:write("1"))
				end
			end)
			a.route:add { { dst = "default", via = "10.0.1.2" }, { dst = "default", via = "fd00:1::2" } }
			b.route:add { { dst = "default", via = "10.0.2.1" }, { dst = "default", via = "fd00:2::1" } }
		end)

		it("finds what is open", function()
			expect("open", all { listen = true })
		end)

		it("finds what the forward hook drops", function()
			if not has_nft() then return end
			router.nft:run(filter("forward", each_probe "drop"))
			expect("dropped", all { listen = true })
		end)

		it("names the router that rejects", function()
			if not has_nft() then return end
			router.nft:run(filter("forward", each_probe "reject with icmpx host-unreachable"))
			local verdicts = all { listen = true }
			expect("rejected", verdicts)
			assert.equal("10.0.1.2", verdicts["inet tcp"].by)
			assert.equal("fd00:1::2", verdicts["inet6 icmp"].by)
			assert.equal("addr-unreachable", verdicts["inet6 icmp"].icmp.name)
		end)

		it("hears a score of refusals by one router, which sends one a second", function()
			if not has_nft() then return end
			router.nft:run(filter("forward", { "udp dport 1000-1049 reject" }))
			local list = {}
			for i = 1, 20 do
				list[i] = { from = a, to = b, proto = "udp", port = 999 + i,
					family = i % 2 == 0 and "inet" or "inet6" }
			end
			for _, verdict in ipairs(probe(list)) do
				assert.equal("rejected", verdict.verdict, verdict.why)
			end
		end)

		it("takes a router's reset for what it is", function()
			if not has_nft() then return end
			router.nft:run(filter("forward", { "tcp flags syn reject with tcp reset" }))
			local verdicts = all { listen = true }
			expect({ icmp = "open", tcp = "rejected", udp = "open" }, verdicts)
			assert.is_nil(verdicts["inet tcp"].by)
		end)

		it("finds a missing way back", function()
			b.route:delete { dst = "default", family = "inet" }
			b.route:delete { dst = "default", family = "inet6" }
			expect("one_way", all { listen = true })
		end)

		it("finds a route that ends at the router", function()
			router.addr:flush { dev = "to2" }
			expect("rejected", all { addr = "10.0.2.2", family = "inet" })
			expect("rejected", all { addr = "fd00:2::2", family = "inet6" })
		end)
	end)

	it("raises on what it cannot mean, and names the field", function()
		wire(a, b, 1)
		local function spec(extra)
			local s = { from = a, to = b, proto = "tcp", port = 80 }
			for key, value in pairs(extra) do
				s[key] = value
			end
			return s
		end
		for _, port in ipairs { 0, 65536, -1, 1.5, "80", true } do
			refused("EINVAL", "port", spec { port = port })
		end
		refused("EINVAL", "port", { from = a, to = b, proto = "tcp" })
		refused("EINVAL", "port", { from = a, to = b, proto = "icmp", port = 1 })
		refused("EINVAL", "proto", spec { proto = "sctp" })
		refused("EINVAL", "proto", { from = a, to = b, port = 80 })
		refused("EINVAL", "family", spec { family = "ipv4" })
		refused("EINVAL", "addr", spec { addr = "fd00:1::2", family = "inet" })
		refused("EINVAL", "addr", spec { addr = "10.0.1" })
		refused("EINVAL", "addr", spec { addr = "10.0.1.2\0" })
		refused("EINVAL", "addr", spec { addr = 10 })
		refused("EINVAL", "addr", spec { addr = "fe80::1%nosuch" })
		refused("EINVAL", "listen", spec { listen = 1 })
		refused("EINVAL", "timeout", spec { timeout = -1 })
		refused("EINVAL", "timeout", spec { timeout = "soon" })
		refused("EINVAL", "colour", spec { colour = "red" })
		for _, size in ipairs { 63, 9217, 100.5, "100" } do
			refused("EINVAL", "size", { from = a, to = b, size = size })
		end
		refused("EINVAL", "size", spec { size = 100 })
		refused("EINVAL", "from", { to = b })
		refused("EINVAL", "from", { from = "a", to = b })
		refused("EINVAL", "to", { from = a })
		refused("EINVAL", "to", { from = a, to = 1 })
		refused("EINVAL", "to", { from = a, to = "10.0.0.2", family = "inet6" })
		refused("EINVAL", "addr", { from = a, to = b, addr = "10.0.0.2", family = "inet6" })
		for _, text in ipairs { "web", "10.0.1", "10.0.1.2/24", "fd00:1::g", "1.2.3.4.5", "dead:beef" } do
			assert.equal("to", refused("EINVAL", "to", { from = a, to = text }).attr)
		end
		assert.matches("a namespace .* or an IPv4 or IPv6 address expected, got the string 'web'",
			refused("EINVAL", "to", { from = a, to = "web" }).message)
		assert.matches("a namespace expected .*netns.open.*, got the string 'a'",
			refused("EINVAL", "from", { from = "a", to = b }).message)
		local gone = netns.new()
		gone:close()
		refused("EBADF", "from", { from = gone, to = b })
		refused("EBADF", "to", { from = a, to = gone })
		local err = refused("EINVAL", "port", { spec {}, spec { port = 0 } })
		assert.equal(2, err.index)
		refused("EINVAL", "spec", "10.0.0.1")
		assert.same({}, probe {})
	end)
end)
