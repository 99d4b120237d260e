-- SPDX-License-Identifier: MIT
-- verdict_rules_spec.lua - each rule of a verdict: an observation, what it means, and the sentence
local verdicts = require "netns.proof.verdict"

local read = verdicts.read

local tcp = { proto = "tcp", port = 80, addr = "10.0.0.9" }
local udp = { proto = "udp", port = 53, addr = "10.0.0.9" }
local icmp = { proto = "icmp", addr = "10.0.0.9" }
local long = { proto = "icmp", addr = "10.0.0.9", size = 1501 }

--- What was sent and met silence, but for what `more` says.
local function sent(more)
	local o = { sent = true, watched = 1, resent = 2 }
	for key, value in next, more do
		o[key] = value
	end
	return o
end

local function error_by(from, name, own)
	return { from = from, name = name, own = own }
end

local echo, reset = { kind = "echo" }, { kind = "reset" }
local on_link = { dev = "eth0", via = "10.0.0.254", carrier = true, neighbour = "reachable" }
local unanswered = { dev = "eth0", via = "10.0.0.254", carrier = true, neighbour = "failed" }
local unknown = { dev = "eth0", via = "10.0.0.254", carrier = true, neighbour = "none" }

local crowded = "No answer came, and the kernel's neighbour table, which all namespaces share "
	.. "(net.ipv4.neigh.default.gc_thresh3 and IPv6's), was full meanwhile."
local dropped = "The echo request was sent 3 times in 1 s, the receiver did not see it, and "
	.. "nothing came back."

-- One case for each rule of the module, in its order: { question, observation, verdict, why }
local cases = {
	{ icmp, { unasked = "Neither has IPv6." }, "inconclusive", "Neither has IPv6." },
	{ icmp, sent { broken = { step = "bind", errno = "EADDRINUSE" } }, "inconclusive",
		"The probe itself broke: bind: EADDRINUSE." },

	{ icmp, { down = "eth0" }, "link_down",
		"The sender's link eth0 is down, so nothing left for 10.0.0.9." },
	{ icmp, { errno = "ENETUNREACH" }, "no_route",
		"The sender has no route to 10.0.0.9 (ENETUNREACH)." },
	{ icmp, { errno = "EADDRNOTAVAIL", path = { errno = "ENETUNREACH" } }, "no_route",
		"The sender has no route to 10.0.0.9." },
	{ icmp, { errno = "EHOSTUNREACH" }, "no_route",
		"The sender's routes call 10.0.0.9 unreachable (EHOSTUNREACH)." },
	{ icmp, { errno = "EACCES", path = { errno = "EACCES" } }, "prohibited",
		"A route of the sender prohibits 10.0.0.9 (EACCES)." },
	{ icmp, { errno = "EINVAL", path = { errno = "EINVAL" } }, "blackhole",
		"A blackhole route of the sender swallows what goes to 10.0.0.9 (EINVAL)." },
	{ udp, { errno = "EPERM" }, "local_denied",
		"The sender's own firewall did not let the datagram out (EPERM)." },
	{ long, { errno = "EMSGSIZE" }, "inconclusive", "The sender's own link carries no packet of "
		.. "1501 bytes, so nothing was asked (EMSGSIZE)." },
	{ icmp, { errno = "EADDRNOTAVAIL" }, "inconclusive", "The sender has no usable source address "
		.. "towards 10.0.0.9 (still checked for duplicates?)." },
	{ icmp, { errno = "EIO" }, "inconclusive",
		"The sender's kernel refused with EIO, and its routes do not say why." },

	{ icmp, sent { reply = echo, delivered = true }, "open",
		"The echo request was seen in the receiver and answered (echo)." },
	{ icmp, sent { reply = echo }, "open",
		"The echo request was answered (echo); nobody looked at the receiving side." },
	{ icmp, sent { reply = echo, delivered = false }, "inconclusive", "The echo request was answered "
		.. "(echo), but the receiver did not see it: something else answers for 10.0.0.9." },
	{ tcp, sent { reply = reset, delivered = true }, "refused", "The SYN was seen in the receiver, "
		.. "which answered with a reset: nobody listens on 10.0.0.9 port 80." },
	{ tcp, sent { reply = reset }, "refused", "A reset came back from 10.0.0.9 port 80. Nobody looked "
		.. "at the receiving side, and a firewall's reset looks the same." },

	{ icmp, sent { crowded = true, delivered = false }, "inconclusive", crowded },

	{ icmp, sent { icmp = error_by("10.0.0.1", "host-unreachable", true), path = on_link },
		"no_neighbour", "The neighbour 10.0.0.254 did not answer: the sender's own stack says "
		.. "host-unreachable." },
	{ icmp, sent { icmp = error_by("10.0.0.1", "admin-prohibited", true), delivered = false },
		"local_denied", "The sender's own stack rejected the echo request (admin-prohibited)." },
	{ udp, sent { icmp = error_by("10.0.0.9", "port-unreachable"), delivered = true }, "refused",
		"The datagram was seen in the receiver, which answered port-unreachable: nobody listens on "
		.. "10.0.0.9 port 53." },
	{ udp, sent { icmp = error_by("10.0.0.9", "port-unreachable") }, "refused",
		"10.0.0.9 itself answered port-unreachable. Nobody looked at the receiving side." },
	{ udp, sent { icmp = error_by("10.0.0.5", "admin-prohibited"), delivered = true }, "inconclusive",
		"The datagram was seen in the receiver, and yet 10.0.0.5 sent admin-prohibited: the path or "
		.. "its policy changes." },

	{ tcp, sent { reply = reset, delivered = false, controls = { observer = false } },
		"inconclusive", "The observer in the receiver lost packets (its buffer was full), so it "
		.. "cannot say what did not arrive." },
	{ tcp, sent { reply = reset, delivered = false }, "rejected", "A reset came back from 10.0.0.9 "
		.. "port 80, but the receiver did not see the SYN: a firewall sent it." },
	{ tcp, sent { icmp = error_by("10.0.0.5", "admin-prohibited"), delivered = false }, "rejected",
		"10.0.0.5 answered admin-prohibited, and the receiver did not see the SYN." },
	{ tcp, sent { icmp = error_by("10.0.0.5", "admin-prohibited") }, "rejected",
		"10.0.0.5 answered admin-prohibited." },
	{ udp, sent { withheld = true, delivered = false }, "rejected", "The receiver did not see the "
		.. "datagram, but counted an ICMP error for it that its rate limit held back." },

	{ tcp, sent { late_errno = "EHOSTUNREACH", path = on_link }, "no_neighbour",
		"The neighbour 10.0.0.254 did not answer (EHOSTUNREACH)." },
	{ tcp, sent { late_errno = "ECONNABORTED" }, "inconclusive",
		"The connection ended with ECONNABORTED, and no packet explains it." },
	{ udp, sent { listener = "service", delivered = true }, "open", "The datagram was seen in the "
		.. "receiver, where somebody has 10.0.0.9 port 53, and no error came back. A service may stay "
		.. "silent, so a lost answer cannot be told from none (sent 3 times in 1 s)." },
	{ udp, sent { closed = true, cut = "limited", delivered = true }, "refused", "The datagram was "
		.. "seen in the receiver, where nobody listens on 10.0.0.9 port 53. The ICMP error that says so "
		.. "did not come (sent 3 times in 1 s): others were, at the pace of a rate limit." },
	{ udp, sent { cut = "limited", delivered = true }, "inconclusive", "Silent (sent 3 times in 1 s), "
		.. "but ICMP errors were still coming in at the pace of a rate limit: ask for fewer at once, or "
		.. "with a longer timeout." },
	{ udp, sent { closed = true, delivered = true, resent = 0 }, "one_way", "The datagram was seen in "
		.. "the receiver, but no answer came back (sent once in 1 s)." },
	{ icmp, sent { path = { dev = "eth0", carrier = false } }, "link_down",
		"The sender's link eth0 has no carrier: its other end is down." },
	{ icmp, sent { path = unanswered }, "no_neighbour", "Nobody on eth0 answers for 10.0.0.254, so "
		.. "the echo request did not leave the sender (1 s)." },
	{ icmp, sent { cut = "neighbour", path = on_link }, "inconclusive",
		"The sender was still asking for its neighbour 10.0.0.254 when time ran out (1 s)." },
	{ icmp, sent { path = on_link }, "inconclusive", "Silent (sent 3 times in 1 s), and nobody could "
		.. "look at the receiving side: give a namespace as `to`." },
	{ icmp, sent { delivered = false, path = { errno = "ENETUNREACH" } }, "inconclusive",
		"The sender's route to 10.0.0.9 went away meanwhile." },
	{ icmp, sent { delivered = false, controls = { address = false } }, "inconclusive",
		"The receiver does not have the address 10.0.0.9, so its silence says nothing." },
	{ icmp, sent { delivered = false, path = unknown }, "inconclusive", "Silent (sent 3 times in "
		.. "1 s), but the sender's kernel has no entry for its neighbour 10.0.0.254 on eth0: the "
		.. "machine's table may be full (net.ipv4.neigh.default.gc_thresh3)." },
	{ icmp, sent { delivered = false, watched = 0.04 }, "inconclusive",
		"Silent, but watched for 0.04 s only." },
	{ icmp, sent { delivered = false, path = on_link }, "dropped", dropped
		.. " The sender can send: its neighbour 10.0.0.254 on eth0 answers." },
}

-- What a rule does not hold for, or holds for beside.
local more = {
	{ icmp, { errno = "ENETDOWN" }, "link_down",
		"The sender's link ? is down, so nothing left for 10.0.0.9." },
	{ icmp, { errno = "EACCES" }, "inconclusive",
		"The sender's kernel refused with EACCES, and its routes do not say why." },
	{ icmp, { errno = "EINVAL", path = { errno = "EACCES" } }, "inconclusive",
		"The sender's kernel refused with EINVAL, and its routes do not say why." },
	-- a full table explains no answer, and an error only where it says that nobody was found
	{ icmp, sent { crowded = true, icmp = error_by("10.0.0.1", "addr-unreachable", true) },
		"inconclusive", crowded },
	{ icmp, sent { crowded = true, delivered = false,
		icmp = error_by("10.0.0.5", "admin-prohibited") }, "rejected",
		"10.0.0.5 answered admin-prohibited, and the receiver did not see the echo request." },
	{ tcp, sent { crowded = true, delivered = false, reply = reset }, "rejected", "A reset came back "
		.. "from 10.0.0.9 port 80, but the receiver did not see the SYN: a firewall sent it." },
	-- an error of one's own stack about oneself
	{ udp, sent { icmp = error_by("10.0.0.9", "port-unreachable", true) }, "refused",
		"10.0.0.9 itself answered port-unreachable. Nobody looked at the receiving side." },
	{ udp, sent { icmp = error_by("10.0.0.5", "port-unreachable") }, "rejected",
		"10.0.0.5 answered port-unreachable." },
	{ udp, sent { withheld = true, delivered = true }, "one_way", "The datagram was seen in the "
		.. "receiver, but no answer came back (sent 3 times in 1 s)." },
	-- the kernel's own attempts ended, as ours do
	{ tcp, sent { late_errno = "ETIMEDOUT", delivered = true }, "one_way", "The SYN was seen in the "
		.. "receiver, but no answer came back (sent 3 times in 1 s)." },
	{ tcp, sent { listener = "service", delivered = true }, "one_way", "The SYN was seen in the "
		.. "receiver, but no answer came back (sent 3 times in 1 s)." },
	{ udp, sent { closed = true, cut = "limited", delivered = false }, "inconclusive", "Silent (sent "
		.. "3 times in 1 s), but ICMP errors were still coming in at the pace of a rate limit: ask for "
		.. "fewer at once, or with a longer timeout." },
	{ icmp, sent { delivered = false, path = { dev = "lo", neighbour = "none" } }, "dropped",
		dropped .. " It left by lo." },
	{ icmp, sent { delivered = false }, "dropped", dropped },
}

--- The module's own rules: { verdict, when, template }.
local function rules_of()
	for i = 1, math.huge do
		local name, value = debug.getupvalue(read, i)
		if name == nil or name == "rules" then
			return assert(value, "there are no rules")
		end
	end
end

--- Could the template have become this sentence?
local function fits(template, why)
	local pattern = template:gsub("[%p]", "%%%0"):gsub("%%%$%a+", ".-"):gsub(" %.%-$", ".-")
	return why:find("^" .. pattern .. "$") ~= nil
end

local function is(case)
	local v = read(case[2], case[1])
	assert.same({ case[3], case[4] }, { v.verdict, v.why })
	return v
end

describe("a verdict", function()
	it("is read off the first rule that holds, and says why", function()
		for _, case in ipairs(cases) do
			is(case)
		end
		for _, case in ipairs(more) do
			is(case)
		end
	end)

	it("has a case here for each of its rules, in their order", function()
		local rules = rules_of()
		for i, rule in ipairs(rules) do
			local case = assert(cases[i], "no case for: " .. rule[3])
			assert.equal(rule[1], case[3], rule[3])
			assert.is_true(fits(rule[3], case[4]), rule[3])
		end
		assert.equal(#rules, #cases)
	end)

	it("carries what it was read off", function()
		local answer = error_by("10.0.0.5", "admin-prohibited")
		local o = sent { icmp = answer, delivered = false, rtt = 0.1 }
		local v = read(o, tcp)
		assert.same({ o, answer, "10.0.0.5", false, false, 0.1 },
			{ v.observation, v.icmp, v.by, v.delivered, v.answered, v.rtt })
		v = read(sent { reply = { kind = "syn-ack" }, delivered = true }, tcp)
		assert.same({ "service", true, nil }, { v.listener, v.answered, v.by })
		assert.equal("own", read(sent { reply = { kind = "data" }, listener = "own" }, udp).listener)
		assert.is_nil(read(sent { reply = echo }, icmp).listener)
		assert.equal("10.0.0.9", read(sent { reply = reset }, tcp).by)
	end)

	it("is isolation unless something got there, or nobody knows", function()
		local known, others = {}, { open = true, refused = true, one_way = true, inconclusive = true }
		for _, case in ipairs(cases) do
			known[case[3]] = true
			assert.equal(not others[case[3]] or nil, verdicts.isolated[case[3]], case[3])
		end
		assert.same(known, verdicts.names)
	end)
end)
