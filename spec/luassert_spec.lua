-- SPDX-License-Identifier: MIT
-- luassert_spec.lua - assert.reaches and assert.isolated
local lab = require "netns.lab"
local netns = require "netns"
require "netns.luassert"

local function fails(pattern, f, ...)
	local ok, err = pcall(f, ...)
	assert.is_false(ok)
	assert.truthy(tostring(type(err) == "table" and err.message or err):find(pattern), tostring(err))
end

describe("netns.luassert", function()
	it("speaks of a lab's nodes", function()
		local net <close> = lab.star(2)
		net:up()
		local a, b = net:node "h1", net:node "h2"
		b.nft:run [[table inet f { chain c { type filter hook input priority 0; tcp dport 22 drop; }; }]]
		assert.reaches(a, b, "tcp/80")
		assert.isolated(a, b, "tcp/22")
		assert.is_not.isolated(a, b, "icmp")
		fails("Expected netns.lab.node %(h1%) to reach netns.lab.node %(h2%) with tcp/22.\n"
			.. "The SYN was sent", assert.reaches, a, b, "tcp/22")
		fails("to be isolated from", assert.isolated, a, b, "udp/53")
	end)

	it("speaks of bare namespaces", function()
		local a <close> = netns.new()
		local b <close> = netns.new()
		a.link:add { name = "x", kind = "veth", up = true, peer = { name = "x", netns = b, up = true } }
		a.addr:add { dev = "x", addr = "10.0.0.1/24" }
		fails("no global address", assert.isolated, a, b, "icmp")
		b.addr:add { { dev = "x", addr = "10.0.0.2/24" }, { dev = "x", addr = "10.9.0.2/24" } }
		assert.is_not.reaches(a, b, "icmp") -- there is no way to the second address
		b.addr:delete "10.9.0.2/24"
		assert.reaches(a, b, "tcp/80")
		a.route:flush()
		assert.isolated(a, b, "udp/53")
		fails("expected", assert.reaches, a, b, "tcp")
	end)
end)
