-- SPDX-License-Identifier: MIT
-- prefix_spec.lua - IPv4 and IPv6 prefixes as numbers
local prefix = require "netns.prefix"

local function text(p)
	return p and tostring(p)
end

describe("netns.prefix", function()
	it("reads and prints both families as RFC 5952 has it", function()
		for given, printed in pairs {
			["10.0.0.1/24"] = "10.0.0.1/24", ["10.0.0.1"] = "10.0.0.1/32", ["0.0.0.0/0"] = "0.0.0.0/0",
			["::"] = "::/128", ["::1/64"] = "::1/64", ["FD00::1"] = "fd00::1/128",
			["1:0:0:2:0:0:0:3"] = "1:0:0:2::3/128", ["1:2:3:4:5:6:0:8"] = "1:2:3:4:5:6:0:8/128",
			["0:0:1:0:0:1:0:0"] = "::1:0:0:1:0:0/128", ["2001:db8::"] = "2001:db8::/128",
			["1:2:3:4:5:6:7::/112"] = "1:2:3:4:5:6:7:0/112",
		} do
			assert.equal(printed, text(prefix.parse(given)), given)
		end
	end)

	it("knows what is none", function()
		for _, given in ipairs {
			"", "1.2.3", "1.2.3.4.5", "010.0.0.1", "256.0.0.1", "1.2.3.4/33", "1.2.3.4/", "::/129",
			"1::2::3",
			":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3", "::g", "::1%lo", "12345::", "a.b.c.d", "1..2.3",
			"::ffff:1.2.3.4", "1:2:3:4:5:6:7:8::", " 1.2.3.4", "1.2.3.4/-1", 5,
		} do
			assert.is_nil(prefix.parse(given), tostring(given))
		end
	end)

	it("counts across byte and word borders", function()
		local function from(a, n)
			return prefix.parse(a):plus(n):address()
		end
		assert.equal("10.0.1.0", from("10.0.0.255", 1))
		assert.equal("fd00:0:0:1::", from("fd00::ffff:ffff:ffff:ffff", 1))
		assert.equal("fd00::ffff:ffff:ffff:ffff", from("fd00::1:0:0:0:0", -1))
		assert.equal("10.0.0.255", prefix.parse("10.0.0.7/24"):last():address())
		assert.equal("10.0.0.0/24", text(prefix.parse("10.0.0.7/24"):network()))
		assert.equal("fd00:0:0:1::/64", text(prefix.parse("fd00::/64"):next()))
		assert.is_nil(prefix.parse("255.255.255.0/24"):next())
		assert.is_nil(prefix.parse("ffff:ffff:ffff:ffff::/64"):next())
		assert.equal(254, prefix.parse("10.0.0.0/24"):hosts())
		assert.equal(2, prefix.parse("10.0.0.0/31"):hosts())
		assert.equal("fe80::fe/64", text(prefix.parse("fd00::fe/64"):link_local()))
	end)

	it("compares", function()
		local function p(t)
			return prefix.parse(t)
		end
		assert.is_true(p("10.0.0.0/8"):contains(p("10.255.0.1")))
		assert.is_false(p("10.0.0.0/24"):contains(p("10.0.0.0/8")))
		assert.is_true(p("10.0.0.0/24"):overlaps(p("10.0.0.0/8")))
		assert.is_false(p("10.0.0.0/24"):overlaps(p("10.0.1.0/24")))
		assert.is_false(p("0.0.0.0/0"):overlaps(p("::/0")))
		assert.is_true(p("fd00::/65"):overlaps(p("fd00::7fff:0:0:0")))
		assert.is_false(p("fd00::/65"):overlaps(p("fd00::8000:0:0:0")))
		assert.is_true(p("10.0.0.1/24"):has_host_bits())
		assert.is_false(p("10.0.0.0/24"):has_host_bits())
		assert.is_true(p("fd00::1/64"):has_host_bits())
		assert.is_true(p("fd00::/64") == p("fd00:0::/64"))
	end)
end)
