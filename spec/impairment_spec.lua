-- SPDX-License-Identifier: MIT
-- impairment_spec.lua - what makes a lab's cable worse does so, with netem or what stands in for it
local lab = require "netns.lab"
local netns = require "netns"
local parse = require "spec.pcap"
local scratch = require "spec.scratch"
local support = require "spec.support"

local refused = support.refused
local has_netem, why_not = netns.supports("qdisc", "netem")

-- A lab of a and b, up, with a cable between them.
local function cable(options)
	local net = lab.new "cable"
	local a, b = net:host "a", net:host "b"
	net:link(a, b, options)
	net:up()
	return net, a, b
end

-- Where the kernel has no netem, what needs it is refused before anything is there.
local function is_refused(options, what)
	if has_netem then
		return false
	end
	local net = lab.new "cable"
	net:link(net:host "a", net:host "b", options)
	local line = debug.getinfo(1, "l").currentline - 1
	local err = refused("EOPNOTSUPP", nil, net.up, net)
	local text = ("impairment_spec.lua:%d: %s needs the qdisc netem"):format(line, what)
	assert.matches(text, err.message, 1, true)
	pending(why_not)
	return true
end

local function verdicts(a, b, n, more)
	local rows = {}
	for i = 1, n do
		rows[i] = { from = a, to = b, family = "inet", proto = "udp", port = 1000 + i, listen = true }
		for key, value in pairs(more or {}) do
			rows[i][key] = value
		end
	end
	return netns.probe(rows)
end

describe("a cable", function()
	local net, dir

	after_each(function()
		if net then
			net:down()
			net = nil
		end
		if dir then
			dir:remove()
			dir = nil
		end
	end)

	-- The numbers of n datagrams that a sends, in the order in which they reach b.
	local function arrivals(a, b, n)
		dir = scratch.new()
		local address = b:address "inet"
		a.neigh:add { dev = "eth0", dst = address, lladdr = b.link:get("eth0").mac }
		local c <close> = b:capture { dev = "eth0", file = dir.path .. "/pcap" }
		a:exec { "bash", "-c", ([[
			for ((i = 1; i <= %d; i++)); do echo $i >/dev/udp/%s/9; done
			sleep 0.2]]):format(n, address) }
		c:stop()
		local order = {}
		for _, frame in ipairs(parse(dir.path .. "/pcap")) do
			local kind, header = (">I2B"):unpack(frame.bytes, 13)
			local proto, ip = frame.bytes:byte(24), (header & 15) * 4
			-- where bits change, a header may be any
			local whole = kind == 0x0800 and #frame.bytes > 14 + ip + 8
			if whole and proto == 17 and (">I2"):unpack(frame.bytes, 14 + ip + 3) == 9 then
				order[#order + 1] = tonumber(frame.bytes:sub(14 + ip + 9):match "^%d+")
			end
		end
		return order
	end

	it("delivers all, in order and at once, as long as nobody asks for worse", function()
		local a, b
		net, a, b = cable()
		local order, want = arrivals(a, b, 30), {}
		for i = 1, 30 do
			want[i] = i
		end
		assert.same(want, order)
	end)

	it("delays, on the way there and on the way back", function()
		if is_refused({ delay = "20ms" }, "delay") then
			return
		end
		local a, b
		net, a, b = cable { delay = "20ms" }
		for _, family in ipairs { "inet", "inet6" } do
			local v = netns.probe { from = a, to = b, proto = "icmp", family = family, timeout = 10 }
			assert.equal("open", v.verdict)
			assert.is_true(v.rtt >= 0.04, tostring(v.rtt))
		end
	end)

	it("delays by different times", function()
		if is_refused({ delay = "40ms", jitter = "30ms" }, "delay, jitter") then
			return
		end
		local a, b
		net, a, b = cable { delay = "40ms", jitter = "30ms" }
		local least, most = math.huge, 0
		for _ = 1, 15 do
			local v = netns.probe { from = a, to = b, proto = "icmp", family = "inet", timeout = 10 }
			assert.equal("open", v.verdict)
			least, most = math.min(least, v.rtt), math.max(most, v.rtt)
		end
		assert.is_true(least >= 0.02 and most > least + 0.02, least .. " " .. most)
	end)

	-- How many of n datagrams come through to b's stack.
	local function delivered(a, b, n)
		local function counted()
			local text = b:exec { "cat", "/proc/net/snmp" }.stdout
			local datagrams, no_port = text:match "\nUdp: (%d+) (%d+)"
			return tonumber(datagrams) + tonumber(no_port)
		end
		local before = counted()
		arrivals(a, b, n)
		return counted() - before
	end

	it("loses its share", function()
		local a, b
		net, a, b = cable { loss = "40%" }
		local count = delivered(a, b, 200)
		assert.is_true(count > 80 and count < 160, tostring(count))
	end)

	it("loses everything", function()
		local a, b
		net, a, b = cable { loss = 1 }
		for _, v in ipairs(verdicts(a, b, 20, { timeout = 0.05 })) do
			assert.equal(false, v.delivered)
		end
	end)

	it("has a rate", function()
		local a, b
		net, a, b = cable { rate = "16kbit" }
		-- 42 bytes each: two thousand bytes a second, of which tbf lets the first two thousand pass
		local slowest = 0
		for _, v in ipairs(verdicts(a, b, 80, { timeout = 5 })) do
			slowest = math.max(slowest, v.observation.times.answered or 0)
		end
		assert.is_true(slowest > 0.4, tostring(slowest))
	end)

	it("delivers some twice", function()
		if is_refused({ duplicate = "50%" }, "duplicate") then
			return
		end
		local a, b
		net, a, b = cable { duplicate = "50%" }
		local count, order = {}, arrivals(a, b, 60)
		for _, i in ipairs(order) do
			count[i] = (count[i] or 0) + 1
			assert.is_true(count[i] <= 2)
		end
		assert.is_true(#order > 70 and #order < 110, tostring(#order))
	end)

	it("changes bits of some", function()
		if is_refused({ corrupt = "30%" }, "corrupt") then
			return
		end
		local a, b
		net, a, b = cable { corrupt = "30%" }
		local right, seen = 0, {}
		for _, i in ipairs(arrivals(a, b, 100)) do
			right, seen[i] = right + (seen[i] and 0 or 1), true
		end
		assert.is_true(right < 100, tostring(right))
	end)

	it("lets some overtake others", function()
		if is_refused({ delay = "20ms", reorder = "50%" }, "delay, reorder") then
			return
		end
		local a, b
		net, a, b = cable { delay = "20ms", reorder = "50%" }
		local order = arrivals(a, b, 60)
		local overtaken = 0
		for i = 2, #order do
			overtaken = overtaken + (order[i] < order[i - 1] and 1 or 0)
		end
		assert.equal(60, #order)
		assert.is_true(overtaken > 0)
		assert.equal("there is nothing to overtake", refused("EINVAL", nil, function()
			net:link("a", "b", { reorder = "50%" })
			net:layout()
		end).message:match "there is nothing to overtake")
	end)
end)
