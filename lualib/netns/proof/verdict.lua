-- SPDX-License-Identifier: MIT
-- verdict.lua - what an observation means: a pure function, without I/O or clock
--
-- Theory. "No answer" proves nothing by itself, so a verdict is read off the first rule below that
-- holds, and the rules stand in the order of what they rest on: a probe that broke, a refusal by
-- the sender's own stack, an answer, an error with its sender, and only then silence. Silence needs
-- the receiver's evidence (did its stack see this very packet?) and controls; where one of them is
-- missing the verdict is `inconclusive`, never a pass. Each rule ends in a sentence that a reader
-- can check against the observation.

local packets = { icmp = "the echo request", tcp = "the SYN", udp = "the datagram",
	arp = "the ARP request", nd = "the neighbour solicitation", multicast = "the multicast datagram",
	ethernet = "the frame" }

local positive = { echo = true, ["syn-ack"] = true, data = true, ["ARP reply"] = true,
	["neighbour advertisement"] = true, frame = true }

-- "This host is here, but nobody has that port (or protocol)."
local closed = { ["port-unreachable"] = true, ["prot-unreachable"] = true }

-- What comes of a neighbour that does not answer.
local unresolved = { ["host-unreachable"] = true, ["addr-unreachable"] = true }

local function unsent(errno, path_errno)
	return function(o)
		return not o.sent and o.errno == errno
			and (path_errno == nil or o.path ~= nil and o.path.errno == path_errno)
	end
end

local function answered(o)
	return o.reply and positive[o.reply.kind]
end

local function reset(o)
	return o.reply and not positive[o.reply.kind]
end

-- The sender's own stack made the error; a probe to oneself does not count.
local function own_error(o, q)
	return o.icmp and o.icmp.own and o.icmp.from ~= q.addr
end

local function control_failed(o, name)
	return o.controls ~= nil and o.controls[name] == false
end

-- Every rule: the verdict, when it holds, and why; $words are filled in by `sentence`.
local rules = {
	-- the probe itself
	{ "inconclusive", function(o) return o.unasked end, "$unasked" },
	{ "inconclusive", function(o) return o.broken end, "The probe itself broke: $broken." },

	-- the sender's own stack refused
	{ "link_down", function(o) return not o.sent and (o.down or o.errno == "ENETDOWN") end,
		"The sender's link $down is down, so nothing left for $addr." },
	{ "no_route", unsent("ENETUNREACH"), "The sender has no route to $addr ($errno)." },
	{ "no_route", unsent("EADDRNOTAVAIL", "ENETUNREACH"), "The sender has no route to $addr." },
	{ "no_route", unsent("EHOSTUNREACH"), "The sender's routes call $addr unreachable ($errno)." },
	{ "prohibited", unsent("EACCES", "EACCES"), "A route of the sender prohibits $addr ($errno)." },
	{ "blackhole", unsent("EINVAL", "EINVAL"),
		"A blackhole route of the sender swallows what goes to $addr ($errno)." },
	{ "local_denied", unsent("EPERM"), "The sender's own firewall did not let $packet out ($errno)." },
	{ "inconclusive", unsent("EMSGSIZE"), "The sender's own link carries no packet of $size bytes, so "
		.. "nothing was asked ($errno)." },
	{ "inconclusive", unsent("EADDRNOTAVAIL"),
		"The sender has no usable source address towards $addr (still checked for duplicates?)." },
	{ "inconclusive", function(o) return not o.sent end, unsent = true,
		"The sender's kernel refused with $errno, and its routes do not say why." },

	-- an answer
	{ "open", function(o) return answered(o) and o.delivered end,
		"$Packet was seen in the receiver and answered ($reply)." },
	{ "open", function(o) return answered(o) and o.delivered == nil end,
		"$Packet was answered ($reply); nobody looked at the receiving side." },
	{ "inconclusive", answered, "$Packet was answered ($reply), but the receiver did not see it: "
		.. "something else answers for $addr." },
	{ "refused", function(o) return reset(o) and o.delivered end,
		"$Packet was seen in the receiver, which answered with a reset: nobody listens on $where." },
	{ "refused", function(o) return reset(o) and o.delivered == nil end,
		"A reset came back from $where. Nobody looked at the receiving side, and a firewall's reset "
		.. "looks the same." },

	-- no answer, but not for want of one
	{ "inconclusive", function(o)
		return o.crowded and (not o.icmp or unresolved[o.icmp.name]) and not o.reply
	end, "No answer came, and the kernel's neighbour table, which all namespaces share "
		.. "(net.ipv4.neigh.default.gc_thresh3 and IPv6's), was full meanwhile." },

	-- an ICMP error
	{ "no_neighbour", function(o, q) return own_error(o, q) and unresolved[o.icmp.name] end,
		"The neighbour $via did not answer: the sender's own stack says $icmp." },
	{ "local_denied", function(o, q) return own_error(o, q) and not o.delivered end,
		"The sender's own stack rejected $packet ($icmp)." },
	{ "refused", function(o) return o.icmp and closed[o.icmp.name] and o.delivered end,
		"$Packet was seen in the receiver, which answered $icmp: nobody listens on $where." },
	{ "refused", function(o, q)
		return o.icmp and closed[o.icmp.name] and o.delivered == nil and o.icmp.from == q.addr
	end, "$addr itself answered $icmp. Nobody looked at the receiving side." },
	{ "inconclusive", function(o) return o.icmp and o.delivered end,
		"$Packet was seen in the receiver, and yet $by sent $icmp: the path or its policy changes." },

	-- refusals that rest on what the receiver did not see, so on its observer
	{ "inconclusive", function(o) return o.delivered == false and control_failed(o, "observer") end,
		"The observer in the receiver lost packets (its buffer was full), so it cannot say what did "
		.. "not arrive." },
	{ "rejected", reset, "A reset came back from $where, but the receiver did not see $packet: a "
		.. "firewall sent it." },
	{ "rejected", function(o) return o.icmp and o.delivered == false end,
		"$by answered $icmp, and the receiver did not see $packet." },
	{ "rejected", function(o) return o.icmp end, "$by answered $icmp." },
	{ "rejected", function(o) return o.withheld and o.delivered == false end,
		"The receiver did not see $packet, but counted an ICMP error for it that its rate limit held "
		.. "back." },

	-- silence
	{ "no_neighbour", function(o) return o.late_errno == "EHOSTUNREACH" end,
		"The neighbour $via did not answer ($late)." },
	{ "inconclusive", function(o) return o.late_errno and o.late_errno ~= "ETIMEDOUT" end,
		"The connection ended with $late, and no packet explains it." },
	{ "open", function(o, q)
		return o.delivered and q.proto == "udp" and o.listener == "service"
	end, "$Packet was seen in the receiver, where somebody has $where, and no error came back. A "
		.. "service may stay silent, so a lost answer cannot be told from none (sent $effort)." },
	{ "refused", function(o) return o.closed and o.delivered and o.cut == "limited" end,
		"$Packet was seen in the receiver, where nobody listens on $where. The ICMP error that says so "
		.. "did not come (sent $effort): others were, at the pace of a rate limit." },
	{ "inconclusive", function(o) return o.cut == "limited" end,
		"Silent (sent $effort), but ICMP errors were still coming in at the pace of a rate limit: ask "
		.. "for fewer at once, or with a longer timeout." },
	{ "one_way", function(o) return o.delivered end,
		"$Packet was seen in the receiver, but no answer came back (sent $effort)." },
	{ "link_down", function(o) return o.path and o.path.carrier == false end,
		"The sender's link $dev has no carrier: its other end is down." },
	{ "no_neighbour", function(o) return o.path and o.path.neighbour == "failed" end,
		"Nobody on $dev answers for $via, so $packet did not leave the sender ($watched)." },
	{ "inconclusive", function(o) return o.cut == "neighbour" end,
		"The sender was still asking for its neighbour $via when time ran out ($watched)." },
	{ "inconclusive", function(o) return o.delivered == nil end,
		"Silent (sent $effort), and nobody could look at the receiving side: give a namespace as `to`." },
	{ "inconclusive", function(o) return o.path and o.path.errno end,
		"The sender's route to $addr went away meanwhile." },
	{ "inconclusive", function(o) return control_failed(o, "address") end,
		"The receiver does not have the address $addr, so its silence says nothing." },
	{ "inconclusive", function(o) return o.path and o.path.carrier and o.path.neighbour == "none" end,
		"Silent (sent $effort), but the sender's kernel has no entry for its neighbour $via on $dev: the "
		.. "machine's table may be full (net.ipv4.neigh.default.gc_thresh3)." },
	{ "inconclusive", function(o) return o.watched < 0.05 end,
		"Silent, but watched for $watched only." },
	{ "dropped", function() return true end,
		"$Packet was sent $effort, the receiver did not see it, and nothing came back. $sender" },
}

-- The first rule that can hold for what has left the sender.
local SENT
for i, rule in ipairs(rules) do
	SENT = SENT or rule.unsent and i + 1
end

-- What the kernel knows of a neighbour, in words.
local known = {
	reachable = "answers", stale = "has answered before", delay = "has answered before",
	probe = "has answered before, and is asked again", permanent = "was set by hand",
	noarp = "need not be asked for",
}

-- What shows that the sender can send at all.
local function sender(path)
	if known[path.neighbour] then
		return ("The sender can send: its neighbour %s on %s %s."):format(
			path.via, path.dev, known[path.neighbour])
	elseif path.dev then
		return ("It left by %s."):format(path.dev)
	end
	return ""
end

local function watched(o)
	return ("%.3g s"):format(o.watched or 0)
end

-- The packets at the beginning of a sentence.
local beginning = {}
for proto, name in next, packets do
	beginning[proto] = name:gsub("^%l", string.upper)
end

-- The words of a sentence, made when it has them: many probes are read at once.
local words = {
	addr = function(_, q) return q.addr end,
	broken = function(o) return ("%s: %s"):format(o.broken.step, o.broken.errno) end,
	by = function(o) return o.icmp and o.icmp.from end,
	dev = function(o) return o.path and o.path.dev end,
	down = function(o) return o.down end,
	effort = function(o)
		local times = o.resent == 0 and "once" or ("%d times"):format((o.resent or 0) + 1)
		return times .. " in " .. watched(o)
	end,
	errno = function(o) return o.errno end,
	icmp = function(o) return o.icmp and o.icmp.name end,
	late = function(o) return o.late_errno end,
	packet = function(_, q) return packets[q.proto] end,
	Packet = function(_, q) return beginning[q.proto] end,
	reply = function(o) return o.reply and o.reply.kind end,
	sender = function(o) return sender(o.path or {}) end,
	size = function(_, q) return q.size and tostring(q.size) end,
	unasked = function(o) return o.unasked end,
	via = function(o) return o.path and o.path.via end,
	watched = watched,
	where = function(_, q) return q.port and ("%s port %d"):format(q.addr, q.port) or q.addr end,
}

-- The pieces of a template: text and the functions of its words, in turn.
local pieces = setmetatable({}, { __index = function(parsed, template)
	local list, from = {}, 1
	for at, word, after in template:gmatch "()%$(%a+)()" do
		list[#list + 1], list[#list + 2], from = template:sub(from, at - 1), words[word], after
	end
	list[#list + 1] = template:sub(from)
	parsed[template] = list
	return list
end })

local function sentence(template, o, q)
	local list = pieces[template]
	local text = list[1]
	for i = 2, #list, 2 do
		text = text .. (list[i](o, q) or "?") .. list[i + 1]
	end
	return text:byte(-1) == 32 and text:gsub("%s+$", "") or text
end

-- The observation of core.probe, and the question { proto, port, addr } -> a verdict.
local function read(o, q)
	-- for thousands of probes: what is unpacked or asked in vain takes the most time
	for i = o.sent and not o.broken and not o.unasked and SENT or 1, #rules do
		local rule = rules[i]
		if rule[2](o, q) then
			local name, listener = rule[1], o.listener
			if name == "open" and q.port and not listener then
				listener = "service"
			end
			return {
				verdict = name,
				delivered = o.delivered,
				answered = answered(o) == true,
				by = o.icmp and o.icmp.from or name == "refused" and q.addr or nil,
				icmp = o.icmp,
				rtt = o.rtt,
				listener = listener,
				why = sentence(rule[3], o, q),
				observation = o,
			}
		end
	end
end

-- All verdicts, and those that are isolation.
local names, isolated = {}, {}
for _, rule in ipairs(rules) do
	names[rule[1]] = true
	isolated[rule[1]] = true
end
for _, name in ipairs { "open", "refused", "one_way", "inconclusive" } do
	isolated[name] = nil
end

return { read = read, names = names, isolated = isolated, unresolved = unresolved }
