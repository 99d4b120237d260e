-- SPDX-License-Identifier: MIT
-- lab_errors_spec.lua - what errors of a lab say: which node, which operation, which line
local lab = require "netns.lab"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local function pair()
	local net = lab.new "pair"
	net:hosts { "web", "db" }
	net:link("web", "db")
	return net
end

--- The line that is `above` lines above the caller's, as errors name it.
local function line(above)
	local info = debug.getinfo(2, "Sl")
	return ("%s:%d"):format(info.short_src, info.currentline - above)
end

describe("an error of a lab's node", function()
	it("names the node, not an inode", function()
		local net <close> = pair()
		net:up()
		local web = net:node "web"
		for code, f in pairs {
			EOPNOTSUPP = function() web.link:add { name = "x", kind = "nosuch" } end;
			ENETUNREACH = function() web.route:add { dst = "1.0.0.0/8", via = "9.9.9.9" } end;
			EINVAL = function() web.nft:run "nonsense" end;
			EXIT = function() web:exec { "false" } end;
			ENOENT = function() web.sysctl["net.ipv4.nosuch"] = 1 end;
		} do
			local err = refused(code, nil, f)
			assert.equal("web", err.netns)
			assert.truthy(tostring(err):find " in web: ", tostring(err))
		end
		assert.equal("web", refused("ENOENT", nil, web.exec, web, { "nosuch" }).netns)
		assert.equal("netns.firewall (web)", tostring(web.nft))
		assert.equal("netns.sysctl (web)", tostring(web.sysctl))
	end)

	it("names the node also where its namespace bears another name", function()
		local net <close> = pair()
		net:up { named = "pair-" }
		local err = refused("ENOENT", nil, function() net:node "web".sysctl["net.ipv4.nosuch"] = 1 end)
		assert.equal("web", err.netns)
		local other <close> = netns.open "pair-web"
		err = refused("ENOENT", nil, function() other.sysctl["net.ipv4.nosuch"] = 1 end)
		assert.equal("pair-web", err.netns)
	end)
end)

describe("an error of lab:set", function()
	it("is about lab:set, and the line of lab:set", function()
		local net <close> = pair()
		net:up()
		assert.equal("lab set", refused("EINVAL", "mtu", net.set, net, "web", "db", { mtu = 9 }).op)
		assert.equal("lab set", refused("EINVAL", "mtuu", net.set, net, "web", "db", { mtuu = 1 }).op)
		assert.equal("lab set", refused("EINVAL", "from", net.set, net, 4, "db", {}).op)
		assert.equal("lab set", refused("EINVAL", "to", net.set, net, "web", "x", {}).op)
		local err = refused("EINVAL", nil, function()
			net:set("web", "db", { names = { "far-too-long-a-name" } })
		end)
		assert.same({ "lab set", line(2) }, { err.op, err.mistakes[1].from })
		assert.truthy(tostring(err):find(line(3) .. ": 'far-too", 1, true), tostring(err))
	end)

	it("also where the kernel lacks what it asks for", function()
		if netns.supports("qdisc", "netem") then
			pending("this kernel has netem, and lacks nothing that a cable can ask for")
			return
		end
		local net <close> = pair()
		net:up()
		local err = refused("EOPNOTSUPP", nil, function()
			net:set("web", "db", { delay = "5ms" })
		end)
		assert.equal("lab set", err.op)
		assert.truthy(tostring(err):find(line(3) .. ": delay needs", 1, true), tostring(err))
		assert.is_true(net:check({ { "web", "db", "icmp", "open" } }).ok)
	end)

	it("and likewise of unlink, stop and start", function()
		local net <close> = pair()
		net:up()
		assert.equal("lab unlink", refused("EINVAL", "from", net.unlink, net, 4, "db").op)
		assert.equal("lab stop", refused("EINVAL", "node", net.stop, net, 4).op)
		assert.equal("lab start", refused("EINVAL", "node", net.start, net, "x").op)
	end)
end)

describe("an unplugged cable of a lab", function()
	it("is why nothing leaves, also where the kernel only says that there is no route", function()
		local net <close> = lab.new()
		net:hosts { "a", "b", "c" }
		net:router "r"
		net:link({ "a", "b", "c" }, "r")
		net:up()
		net:set("a", "r", { up = false })
		for _, what in ipairs { "icmp", "tcp/80", "udp/53" } do
			local report = net:check { { "a", { "b", "r" }, what, "link_down" } }
			assert.is_true(report.ok, tostring(report))
			local families = {}
			for _, verdict in ipairs(report[1].verdicts) do
				families[verdict.family] = true
				assert.truthy(verdict.why:find("link eth0 is down", 1, true), verdict.why)
			end
			assert.same({ inet = true, inet6 = true }, families)
		end
		-- of a router only what was to go by that cable
		local report = net:check { { "r", "a", "icmp", "link_down" }, { "r", "b", "icmp", "open" } }
		assert.is_true(report.ok, tostring(report))
		assert.equal("link_down", net:explain("a", "b", "icmp").verdict.verdict)
		-- and a missing route is still one
		net:set("a", "r", { up = true })
		net:node "a".route:flush()
		report = net:check { { "a", "b", "icmp", "no_route" } }
		assert.is_true(report.ok, tostring(report))
	end)
end)
