-- SPDX-License-Identifier: MIT
-- layer2_spec.lua - rows below the network layer: ARP, neighbour discovery, multicast, frames
local json = require "netns.json"
local lab = require "netns.lab"
local refused = require "spec.support".refused

local all = { "arp", "nd", "multicast", "ethernet" }

--- a and b on a switch with r, c behind it.
local function office()
	local net = lab.new "office"
	net:hosts { "a", "b", "c" }
	net:router "r"
	net:switch "lan"
	net:link({ "a", "b", "r" }, "lan")
	net:link("c", "r")
	net:up()
	return net
end

--- The verdicts of the only row, by "what family".
local function ask(net, from, to, what, expected)
	local report, found = net:check { { from, to, what, expected } }, {}
	for _, verdict in ipairs(report[1].verdicts) do
		found[verdict.what .. " " .. verdict.family] = verdict.verdict
	end
	return found, report[1]
end

local function same(verdict, found)
	assert.same({ ["arp inet"] = verdict, ["nd inet6"] = verdict, ["multicast inet"] = verdict,
		["multicast inet6"] = verdict, ["ethernet link"] = verdict }, found)
end

describe("a row below the network layer", function()
	it("is open on a shared segment, whatever the routers' policy is", function()
		local net <close> = office()
		net:node "r".nft:run [[table inet f { chain c { type filter hook forward priority 0
			policy drop; }; }]]
		local found, entry = ask(net, "a", "b", all, "open")
		same("open", found)
		for _, verdict in ipairs(entry.verdicts) do
			assert.is_true(verdict.delivered and verdict.answered and verdict.rtt > 0)
		end
		assert.is_false(net:check({ { "a", "b", "ethernet", "isolated" } }).ok)
		same("open", (ask(net, "r", "c", all, "open")))
	end)

	it("is about the link that both are on, and where it must not be, about all", function()
		local net <close> = office()
		local lan, alone = net:node "r".link:get "eth0", net:node "r".link:get "eth1"
		local found, entry = ask(net, "c", "r", all, "open")
		same("open", found)
		assert.equal(alone.mac, entry.verdicts[#entry.verdicts].addr)
		found, entry = ask(net, "c", "r", "ethernet", "isolated")
		assert.same({ ["ethernet link"] = "open" }, found)
		assert.same({ lan.mac, alone.mac }, { entry.verdicts[1].addr, entry.verdicts[2].addr })
	end)

	it("ends at a router, and has a control", function()
		local net <close> = office()
		local found, entry = ask(net, "a", "c", all, "isolated")
		same("dropped", found)
		assert.is_true(entry.ok)
		for _, verdict in ipairs(entry.verdicts) do
			assert.same({ true, "r" }, { verdict.control.sender, verdict.control.neighbour })
		end
	end)

	it("sees ports that are isolated, and rules of a bridge", function()
		local net <close> = office()
		local lan = net:node "lan"
		for _, name in ipairs { "a", "b" } do
			lan.link:set { name = name, bridge_slave = { isolated = true } }
		end
		same("dropped", (ask(net, "a", "b", all, "isolated")))
		same("open", (ask(net, "a", "r", all, "open")))
		lan.link:set { name = "a", bridge_slave = { isolated = false } }
		lan.nft:run [[table bridge f { chain c { type filter hook forward priority 0
			iifname "a" oifname "b" ether type arp drop
			iifname "a" oifname "b" icmpv6 type nd-neighbor-solicit drop
			iifname "b" oifname "a" ether type 0x88b5 drop
		}; }]]
		assert.same({ ["arp inet"] = "dropped", ["nd inet6"] = "dropped", ["multicast inet"] = "open",
			["multicast inet6"] = "open", ["ethernet link"] = "one_way" }, (ask(net, "a", "b", all, "open")))
	end)

	it("is told apart from what somebody else answers", function()
		local net <close> = office()
		net:node "r".sysctl["net.ipv4.conf.eth0.proxy_arp"] = 1
		net:node "r".sysctl["net.ipv4.neigh.eth0.proxy_delay"] = 0 -- else it waits up to 0.8 s
		local found, entry = ask(net, "a", "c", "arp", "isolated")
		assert.same({ ["arp inet"] = "inconclusive" }, found)
		assert.truthy(entry.why:find("something else answers", 1, true), entry.why)
		net:node "b".sysctl["net.ipv4.conf.eth0.arp_ignore"] = 8
		assert.same({ ["arp inet"] = "one_way" }, (ask(net, "a", "b", "arp", "isolated")))
	end)

	it("does not take another's question for the sender's", function()
		local net <close> = office()
		for _, name in ipairs { "a", "b" } do
			net:node "lan".link:set { name = name, bridge_slave = { isolated = true } }
		end
		local report = net:check { { "a", "b", { "arp", "nd" }, "isolated" },
			{ "r", "b", { "arp", "nd" }, "open" } }
		assert.is_true(report.ok, tostring(report))
	end)

	it("is asked three times before silence is believed", function()
		local net <close> = office()
		local rule = [[table bridge f { chain c { type filter hook forward priority 0
			oifname "b" ether daddr %s ether type 0x88b5 limit rate 1/hour burst %d packets drop
		}; }]]
		for burst, verdict in pairs { [2] = "open", [3] = "dropped" } do
			net:node "lan".nft:run("flush ruleset; " .. rule:format(net:node "b".link:get "eth0".mac, burst))
			assert.same({ ["ethernet link"] = verdict }, (ask(net, "a", "b", "ethernet", verdict)))
		end
	end)

	it("does not take the sender's own accident for isolation", function()
		local net <close> = office()
		net:set("a", "lan", { up = false })
		same("link_down", (ask(net, "a", "b", all, "link_down")))
		same("inconclusive", (ask(net, "a", "b", all, "isolated")))
		net:set("a", "lan", { up = true })
		net:node "lan".nft:run [[table netdev t { chain c { type filter hook ingress device "a" priority 0
			drop
		}; }]]
		local found, entry = ask(net, "a", "b", all, "isolated")
		same("inconclusive", found)
		assert.truthy(entry.why:find("control failed", 1, true), entry.why)
	end)

	it("can be asked of all pairs, and goes into reports", function()
		local net <close> = office()
		local m, report = net:matrix "ethernet"
		assert.same({ "open", "dropped", "dropped" }, { m.a.b, m.a.c, m.c.b })
		local data = json.decode(report:json())
		assert.equal("link", data.rows[1].verdicts[1].family)
		assert.truthy(report:html():find("ethernet open", 1, true))
	end)

	it("says what it cannot mean", function()
		local net <close> = office()
		for what, family in pairs { arp = "inet6", nd = "inet", ethernet = "inet" } do
			local report = net:check { { "a", "b", what, "open", family = family } }
			assert.equal("inconclusive", report[1].verdict)
		end
		-- what can be asked beside it does not make up for that
		for what, family in pairs { arp = "inet6", nd = "inet", ethernet = "inet" } do
			local report = net:check { { "a", "b", { "icmp", what }, "open", family = family } }
			assert.equal("inconclusive", report[1].verdict)
			assert.matches("Nothing can be asked of a %-> b " .. what, report[1].why)
		end
		refused("EINVAL", "what", net.check, net, { { "a", "b", "arp/1", "open" } })
		refused("EINVAL", "what", net.explain, net, "a", "b", "arp")
	end)
end)
