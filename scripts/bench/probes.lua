-- SPDX-License-Identifier: MIT
-- probes.lua - many probes at once, with the receiver's evidence
local netns = require "netns"

local ports, first_port = 50, 8000

local function ours(size)
	local a <close> = netns.new()
	local b <close> = netns.new()
	a.link:add { name = "a", kind = "veth", up = true, peer = { name = "b", netns = b, up = true } }
	a.addr:add { dev = "a", addr = "10.0.0.1/24" }
	b.addr:add { dev = "b", addr = "10.0.0.2/24" }
	-- the kernel hears of a carrier in the background, up to a second late
	while a.link:get("a").state ~= "up" or b.link:get("b").state ~= "up" do
		netns.sleep(0.001)
	end
	local list = {}
	for i = 0, size - 1 do
		local proto = ({ "icmp", "tcp", "udp" })[i % 3 + 1]
		list[#list + 1] = {
			from = a, to = b, proto = proto, listen = proto ~= "icmp" or nil,
			port = proto ~= "icmp" and first_port + i % ports or nil,
		}
	end
	local start = netns.clock()
	local verdicts = netns.probe(list)
	local elapsed = netns.clock() - start
	for i, verdict in ipairs(verdicts) do
		assert(verdict.verdict == "open" and verdict.delivered, i .. ": " .. verdict.verdict)
	end
	return elapsed * 1000
end

return {
	{ name = "%d probes of mixed protocol, seen by the receiver", bar = 1.5, size = 1000, small = 6,
		floor = { "probes" }, ours = ours },
}
