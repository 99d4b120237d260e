-- SPDX-License-Identifier: MIT
-- explain_spec.lua - a packet's walk through a lab, hop by hop
local line = require "spec.labs".line
local refused = require "spec.support".refused

local function path(walk)
	local out = {}
	for i, hop in ipairs(walk.hops) do
		out[i] = ("%s>%s>%s"):format(hop.iif or "", hop.node, hop.oif or "")
	end
	return table.concat(out, " ")
end

describe("lab:explain", function()
	it("follows a packet that arrives, through switches and routers, in both families", function()
		local net <close> = line()
		for _, what in ipairs { "icmp", "tcp/80", "udp/53" } do
			for _, family in ipairs { "inet", "inet6" } do
				local walk = net:explain("web", net:node "db", what, family)
				assert.equal(">web>eth0 web>lan>r1 eth0>r1>eth1 eth0>r2>eth1 eth0>db>", path(walk))
				assert.same({ "open", "db" }, { walk.verdict.verdict, walk.ended.node })
			end
		end
		local hops = net:explain("web", "db", "tcp/80").hops
		assert.same({ "10.0.0.254", "eth0" }, { hops[1].route.via, hops[1].route.dev })
		assert.is_nil(hops[2].route)
		assert.same({ 64, 63 }, { hops[3].ttl, hops[4].ttl })
		assert.equal("local", hops[5].route.type)
		assert.equal(">web>eth0 web>lan>www eth0>www>", path(net:explain("web", "www", "icmp")))
	end)

	it("names the rule that dropped or rejected it, with its counters", function()
		local net <close> = line()
		net:node "r2".nft:run [[table inet f {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established accept
				tcp dport { 80, 81 } counter accept
				tcp dport 22 counter drop
				tcp dport 23 reject with tcp reset
			}
		}]]
		local walk = net:explain("web", "db", "tcp/22")
		assert.equal(">web>eth0 web>lan>r1 eth0>r1>eth1 eth0>r2>", path(walk))
		assert.same({ "r2", "inet f forward", "drop" },
			{ walk.ended.node, walk.ended.rule.chain, walk.ended.rule.verdict })
		assert.truthy(walk.ended.rule.text:find "^tcp dport 22 counter packets %d+ bytes %d+ drop$")
		assert.is_true(walk.ended.rule.counters.packets > 0)
		walk = net:explain("web", "db", "tcp/24")
		assert.same({ "r2", true }, { walk.ended.node, walk.ended.rule.policy })
		assert.truthy(tostring(walk):find "at r2: the policy of inet f forward dropped it")
		walk = net:explain("web", "db", "tcp/23")
		assert.same({ "rejected", "r2" }, { walk.verdict.verdict, walk.ended.node })
		walk = net:explain("web", "db", "tcp/80")
		assert.same({ "accept", "open" }, { walk.hops[4].rules[1].verdict, walk.verdict.verdict })
	end)

	it("names a drop in every hook, also of a bridge", function()
		for _, case in ipairs {
			{ "web", "output", "inet" }, { "r1", "prerouting", "inet" }, { "r1", "postrouting", "inet" },
			{ "db", "input", "inet" }, { "lan", "forward", "bridge" },
		} do
			local net <close> = line()
			net:node(case[1]).nft:run(
				([[table %s f { chain c { type filter hook %s priority 0; tcp dport 80 drop; }; }]])
				:format(case[3], case[2]))
			local walk = net:explain("web", "db", "tcp/80")
			assert.equal(case[1], walk.ended.node, case[2] .. "\n" .. tostring(walk))
			if case[2] ~= "output" then
				assert.equal(case[3] .. " f c", walk.ended.rule and walk.ended.rule.chain, tostring(walk))
			end
		end
	end)

	it("says what else stops a packet", function()
		local function ended(change, node, why)
			local net <close> = line()
			change(net)
			local walk = net:explain("web", "db", "tcp/80")
			assert.equal(node, walk.ended.node, tostring(walk))
			assert.truthy(walk.ended.why:find(why, 1, true), tostring(walk))
		end
		ended(function(net) net:node "web".route:flush { dst = "default" } end, "web", "no route")
		ended(function(net) net:node "r1".sysctl["net.ipv4.ip_forward"] = 0 end, "r1", "does not forward")
		ended(function(net) net:node "r2".link:set { name = "eth1", up = false } end, "r2", "no route")
		ended(function(net)
			net:node "r1".route:delete "10.0.2.0/24"
			net:node "r1".route:add { dst = "10.0.2.0/24", type = "blackhole" }
		end, "r1", "EINVAL")
		ended(function(net) net:node "db".addr:flush() end, "r2", "nobody there answers")
		ended(function(net)
			net:node "r2".sysctl["net.ipv4.conf.all.rp_filter"] = 1
			net:node "r2".route:delete "10.0.0.0/24"
			net:node "r2".route:add { dst = "10.0.0.0/24", via = net:node "db":address(), dev = "eth1" }
		end, "r2", "rp_filter")
	end)

	it("leaves nothing behind in anybody's firewall", function()
		local net <close> = line()
		net:explain("web", "db", "tcp/80")
		for _, name in ipairs { "web", "lan", "r1", "db" } do
			assert.equal("", net:node(name).nft:list())
		end
	end)

	it("says what it was not given right", function()
		local net <close> = line()
		refused("EINVAL", "from", net.explain, net, "ghost", "db", "icmp")
		refused("EINVAL", "to", net.explain, net, "web", "lan", "icmp")
		refused("EINVAL", "what", net.explain, net, "web", "db", "tcp")
		refused("EINVAL", "family", net.explain, net, "web", "db", "icmp", "ipx")
		net:down()
		refused("ENOTCONN", nil, net.explain, net, "web", "db", "icmp")
	end)
end)
