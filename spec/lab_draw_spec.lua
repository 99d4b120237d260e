-- SPDX-License-Identifier: MIT
-- lab_draw_spec.lua - a lab as a picture
local lab = require "netns.lab"
local support = require "spec.support"

local function dmz()
	local net = lab.new "dmz"
	net:hosts { "web", "db" }
	net:router "fw"
	net:switches("lan", 2)
	net:link({ "web", "fw" }, "lan1")
	net:link("lan1", "lan2")
	net:link("db", "fw", { subnet = "10.2.0.0/24", delay = "5ms", loss = "1%", up = false })
	return net
end

local function drawn(net, ending)
	local name = os.tmpname()
	local file = name .. ending
	local ok, e = pcall(net.draw, net, file)
	local text = support.read(file)
	os.remove(file)
	os.remove(name)
	if not ok then
		error(e, 0)
	end
	return text
end

describe("lab:draw", function()
	it("shows names, interfaces, addresses and what is special about a cable, as text", function()
		assert.equal([[
dmz
├─ lan1  10.0.0.0/24  fd00::/64
│  ├─ web  eth0  10.0.0.1/24    fd00::1/64
│  └─ fw   eth0  10.0.0.254/24  fd00::fe/64
└─ db -- fw  10.2.0.0/24  fd00:0:0:1::/64
   ├─ db  eth0  10.2.0.1/24    fd00:0:0:1::1/64   (delay 5ms, loss 1%, down)
   └─ fw  eth1  10.2.0.254/24  fd00:0:0:1::fe/64  (delay 5ms, loss 1%, down)
]], dmz():draw())
		assert.equal(dmz():draw(), drawn(dmz(), ".txt"))
	end)

	it("writes dot that Graphviz reads, and pictures through it", function()
		local dot = drawn(dmz(), ".dot")
		assert.truthy(dot:find('"web" -- "lan1" [taillabel="eth0\\n10.0.0.1/24\\nfd00::1/64"', 1, true))
		assert.truthy(dot:find("style=dashed", 1, true))
		if not support.has "dot" then
			support.refused("ENOENT", nil, function() return drawn(dmz(), ".svg") end)
			pending("Graphviz is not installed: its pictures were not tried")
		end
		local svg = drawn(dmz(), ".svg")
		assert.truthy(svg:find("<svg", 1, true))
		assert.truthy(svg:find("10.2.0.254/24", 1, true))
		assert.truthy(drawn(dmz(), ".png"):find "^\137PNG")
	end)

	it("writes Mermaid, every label escaped", function()
		local mmd = drawn(dmz(), ".mmd")
		assert.truthy(mmd:find "^graph LR\n")
		assert.truthy(mmd:find("loss 1#37;", 1, true))
	end)

	it("escapes what a description brings along", function()
		local net = lab.new()
		net:hosts { "a", "b" }
		net:link("a", "b", { jitter = '1ms', delay = "1ms" })
		net.description.name = 'x"]; evil [label="'
		assert.truthy(drawn(net, ".dot"):find('graph "x\\"]; evil [label=\\""', 1, true))
	end)

	it("says which endings it knows, and where it cannot write", function()
		support.refused("EINVAL", "file", dmz().draw, dmz(), "x.gif")
		support.refused("EINVAL", "file", dmz().draw, dmz(), 5)
		support.refused("ENOENT", nil, dmz().draw, dmz(), "/nonexistent/x.dot")
	end)
end)
