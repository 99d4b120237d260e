-- SPDX-License-Identifier: MIT
-- netns.proof.layer2 - questions below the network layer: ARP, ND, multicast, frames
--
-- Theory. Who shares a segment can talk past every router, so a policy on routers says nothing
-- about it. Each question is a frame that leaves by every link of the sender that is up, while the
-- receiver's packet socket watches all of its own: a frame that is seen there was delivered, by
-- whatever way. ARP requests and neighbour solicitations are answered by the receiver's kernel;
-- multicast datagrams and frames of our own carry a number, and are answered by us from where they
-- were seen. A packet socket sees a frame before any rule of the receiver's own: what it then does
-- with it is not asked.

local core = require "netns.core"
local prefix = require "netns.prefix"
local read = require "netns.proof.verdict".read

local TIMES = 3 -- that a silent question is sent
local ETHER = { ip = 0x0800, arp = 0x0806, ipv6 = 0x86dd, own = 0x88b5 } -- the last for experiments
local GROUP = { inet = "224.0.0.1", inet6 = "ff02::1" } -- all hosts: no switch keeps it back
local PORT = 9 -- discard (RFC 863)
local MARK = 8 -- random bytes, so that no run takes another's frames for its own

-- Which families a kind of question has; "link" is for what has none.
local kinds = { arp = { "inet" }, nd = { "inet6" }, multicast = { "inet", "inet6" },
	ethernet = { "link" } }

-- Building

local function mac_bytes(text)
	return (text:gsub("%x%x:?", function(byte) return string.char(tonumber(byte:sub(1, 2), 16)) end))
end

local function addr_bytes(text)
	local p = prefix.parse(text)
	return p.family == "inet" and string.pack(">I4", p.lo) or string.pack(">i8i8", p.hi, p.lo)
end

local function checksum(data)
	local sum = 0
	data = #data % 2 == 1 and data .. "\0" or data
	for at = 1, #data, 2 do
		sum = sum + string.unpack(">I2", data, at)
	end
	while sum > 0xffff do
		sum = (sum & 0xffff) + (sum >> 16)
	end
	return ~sum & 0xffff
end

local function frame(dst, src, type, payload)
	local data = dst .. src .. string.pack(">I2", type) .. payload
	return data .. ("\0"):rep(60 - #data)
end

--- With the checksum at `at` of `payload` put in, over the IPv6 pseudo header.
local function ipv6(src, dst, proto, payload, at)
	local sum = checksum(src .. dst .. string.pack(">I4I4", #payload, proto) .. payload)
	payload = payload:sub(1, at - 1) .. string.pack(">I2", sum == 0 and 0xffff or sum)
		.. payload:sub(at + 2)
	return string.pack(">I4I2BB", 6 << 28, #payload, proto, 255) .. src .. dst .. payload
end

local function ipv4(src, dst, proto, payload)
	local head = string.pack(">BBI2I2I2BBI2", 0x45, 0, 20 + #payload, 0, 0, 1, proto, 0) .. src .. dst
	return head:sub(1, 10) .. string.pack(">I2", checksum(head)) .. head:sub(13) .. payload
end

local build = {}

function build.arp(link, q)
	local sender = link.addr.inet or "\0\0\0\0" -- else as for probing an address (RFC 5227)
	return frame(("\255"):rep(6), link.mac, ETHER.arp, string.pack(">I2I2BBI2", 1, ETHER.ip, 6, 4, 1)
		.. link.mac .. sender .. ("\0"):rep(6) .. addr_bytes(q.addr))
end

function build.nd(link, q)
	local target = addr_bytes(q.addr)
	local group = "\xff\x02" .. ("\0"):rep(9) .. "\1\xff" .. target:sub(14)
	local text = string.pack(">BBI2I4", 135, 0, 0, 0) .. target .. "\1\1" .. link.mac
	return frame("\x33\x33" .. group:sub(13), link.mac, ETHER.ipv6,
		ipv6(link.addr.own or link.addr.inet6 or ("\0"):rep(16), group, 58, text, 3))
end

local function text_of(q, answer)
	return q.mark .. string.pack(">I4B", q.id, answer and 1 or 0)
end

--- `answer`: the frame that says that it was seen.
function build.multicast(link, q, answer)
	local text = text_of(q, answer)
	local head = string.pack(">I2I2I2I2", PORT, PORT, 8 + #text, 0)
	if q.family == "inet" then
		return frame("\1\0\x5e\0\0\1", link.mac, ETHER.ip,
			ipv4(link.addr.inet or "\0\0\0\0", addr_bytes(GROUP.inet), 17, head .. text))
	end
	return frame("\x33\x33\0\0\0\1", link.mac, ETHER.ipv6, ipv6(link.addr.own or link.addr.inet6
		or ("\0"):rep(16), addr_bytes(GROUP.inet6), 17, head .. text, 7))
end

function build.ethernet(link, q, answer)
	return frame(answer or mac_bytes(q.addr), link.mac, ETHER.own, text_of(q, answer ~= nil))
end

-- Reading: what a frame says, as { kind, id, answer } or { kind, addr, answer }.

local function own_text(data, mark)
	local at = data:find(mark, 15, true)
	if at and #data >= at + MARK + 4 then
		local id, answer = string.unpack(">I4B", data, at + MARK)
		return id, answer == 1
	end
end

local function dissect(data, mark)
	if #data < 42 then
		return nil
	end
	local type = string.unpack(">I2", data, 13)
	if type == ETHER.arp then
		local operation = string.unpack(">I2", data, 21)
		return { kind = "arp", answer = operation == 2,
			addr = data:sub(operation == 2 and 29 or 39, operation == 2 and 32 or 42) }
	elseif type == ETHER.ipv6 and data:byte(21) == 58 and #data >= 78
		and (data:byte(55) == 135 or data:byte(55) == 136) then
		return { kind = "nd", answer = data:byte(55) == 136, addr = data:sub(63, 78) }
	end
	local id, answer = own_text(data, mark)
	return id and { id = id, answer = answer }
end

-- Asking

--- The links of a namespace by which frames can leave or come: { [index] = link }.
local function links_of(ns)
	local links, by_name = {}, {}
	for _, link in ipairs(ns.link:list()) do
		if link.name ~= "lo" and link.mac and #link.mac == 17 then
			links[link.index] = { index = link.index, name = link.name, mac = mac_bytes(link.mac),
				up = link.up and link.carrier, addr = {} }
			by_name[link.name] = links[link.index]
		end
	end
	for _, entry in ipairs(ns.addr:list()) do
		local link, address = by_name[entry.dev], addr_bytes(entry.addr:match "^[^/]+")
		if link then
			local key = entry.scope == "link" and "own" or entry.family
			link.addr[key] = link.addr[key] or address
		end
	end
	return links
end

local Run = {}
Run.__index = Run

function Run:place(ns)
	local place = self.places[ns]
	if not place then
		place = { socket = core.ethernet(ns), links = links_of(ns), asked = {}, asks = {} }
		self.places[ns] = place
		table.insert(self.sockets, place.socket)
		self.by_socket[place.socket] = place
	end
	return place
end

function Run:close()
	for _, socket in ipairs(self.sockets) do
		socket:close()
	end
end

local function send(q)
	for _, link in next, q.from_place.links do
		local sent, why = nil, "ENETDOWN"
		if link.up then
			sent, why = q.from_place.socket:send(link.index, build[q.proto](link, q))
		end
		if sent then
			q.sent = true
		else
			q.errno, q.down = q.errno or why, q.down or link.name
		end
	end
	q.times = q.times + 1
end

--- A question of this kind that the receiver at `place` was to see, or that its sender asked.
local function about(list, seen)
	local found = {}
	for _, q in ipairs(list) do
		if seen.id == q.id or seen.kind == q.proto and seen.addr == q.target then
			found[#found + 1] = q
		end
	end
	return found
end

--- From one of the sender's links: for what has no number of its own.
local function is_from(q, data)
	for _, link in next, q.from_place.links do
		if data:sub(7, 12) == link.mac then
			return true
		end
	end
	return false
end

function Run:take(place, caught)
	local seen = caught.direction == "in" and dissect(caught.data, self.mark)
	if not seen then
		return
	elseif seen.answer then
		for _, q in ipairs(about(place.asks, seen)) do
			q.answered = q.answered or core.clock()
		end
		return
	end
	for _, q in ipairs(about(place.asked, seen)) do
		if seen.id or is_from(q, caught.data) then
			q.delivered = true
			local link = place.links[caught.index]
			if seen.id and link then
				place.socket:send(link.index, build[q.proto](link, q, caught.data:sub(7, 12)))
			end
		end
	end
end

local function unanswered(list)
	for _, q in ipairs(list) do
		if q.sent and not q.answered then
			return true
		end
	end
	return false
end

--- Read until all are answered or the time is over.
function Run:watch(list, deadline)
	while unanswered(list) and core.clock() < deadline do
		for _, socket in ipairs(core.wait(self.sockets, math.max(0, deadline - core.clock())) or {}) do
			for _, caught in ipairs(socket:read()) do
				self:take(self.by_socket[socket], caught)
			end
		end
	end
end

local function verdict(q, began, ended)
	return read({
		sent = q.sent, errno = not q.sent and (q.errno or "ENETUNREACH") or nil,
		down = not q.sent and q.down or nil, delivered = q.delivered == true,
		reply = q.answered and { kind = q.proto == "arp" and "ARP reply"
			or q.proto == "nd" and "neighbour advertisement" or "frame", exact = true },
		rtt = q.answered and q.answered - q.began, resent = q.times - 1, watched = ended - began,
	}, q)
end

--- Ask all at once: specs { from, to, proto, family, addr } -> verdicts. `settle`: how long silence
--- must last.
local function ask(specs, settle)
	local run = setmetatable({ places = {}, sockets = {}, by_socket = {},
		mark = string.pack("i8", math.random(0)) }, Run)
	local guard <close> = setmetatable({}, { __close = function() run:close() end })
	local list, out = {}, {}
	for i, spec in ipairs(specs) do
		local q = { id = i, proto = spec.proto, family = spec.family, addr = spec.addr, times = 0,
			mark = run.mark }
		q.target = (q.proto == "arp" or q.proto == "nd") and addr_bytes(q.addr)
		q.from_place, q.to_place = run:place(spec.from), run:place(spec.to)
		table.insert(q.to_place.asked, q)
		table.insert(q.from_place.asks, q)
		list[i] = q
	end
	local began = core.clock()
	for _ = 1, #list > 0 and TIMES or 0 do
		for _, q in ipairs(list) do
			if not q.answered then
				q.began = core.clock()
				send(q)
			end
		end
		run:watch(list, core.clock() + settle / TIMES)
	end
	for i, q in ipairs(list) do
		out[i] = verdict(q, began, core.clock())
	end
	return guard and out
end

return { ask = ask, kinds = kinds, group = GROUP }
