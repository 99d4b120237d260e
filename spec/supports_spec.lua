-- SPDX-License-Identifier: MIT
-- supports_spec.lua - netns.supports: asked of the kernel, and the same as what others find
local core = require "netns.core"
local hosts = require "spec.hosts.users"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

-- Is it done by that program, in a namespace with a link lower0? nil: it is too old to be asked.
local function done(program, words)
	local ns <close> = netns.new()
	ns.link:add { name = "lower0", kind = "veth", numtxqueues = 2, peer = { name = "peer0" } }
	local argv = { program, check = false }
	for word in words:gmatch "%S+" do
		argv[#argv + 1] = word
	end
	local result = ns:exec(argv)
	if result.stderr:find "^Garbage instead of arguments" then
		return nil
	end
	return result.code == 0
end

-- A fresh copy of the module, which has not asked anything yet.
local function fresh()
	local loaded = package.loaded["netns.supports"]
	package.loaded["netns.supports"] = nil
	local copy = require "netns.supports".supports
	package.loaded["netns.supports"] = loaded
	return copy
end

describe("netns.supports", function()
	-- No gre or ipip: the first use of their modules brings gre0, tunl0 ... into all namespaces.
	local agrees = {
		link = {
			program = "ip", common = "link add name x0 ";
			veth = "type veth peer name x1", bridge = "type bridge", dummy = "type dummy",
			ifb = "type ifb", vlan = "link lower0 type vlan id 1", vxlan = "type vxlan id 1 dstport 4789",
			macvlan = "link lower0 type macvlan", macvtap = "link lower0 type macvtap",
			ipvlan = "link lower0 type ipvlan", ipvtap = "link lower0 type ipvtap", bond = "type bond",
			vrf = "type vrf table 10", wireguard = "type wireguard", netkit = "type netkit peer name x1",
			geneve = "type geneve id 1 remote 192.0.2.1", xfrm = "type xfrm if_id 1", nlmon = "type nlmon",
			vcan = "type vcan", macsec = "link lower0 type macsec", nosuchkind = "type nosuchkind",
		};
		qdisc = {
			program = "tc", common = "qdisc add dev lower0 ";
			netem = "root netem delay 1ms", tbf = "root tbf rate 1mbit burst 10kb limit 10kb",
			htb = "root htb", fq_codel = "root fq_codel", fq = "root fq", cake = "root cake",
			sfq = "root sfq", prio = "root prio", pfifo = "root pfifo", bfifo = "root bfifo",
			red = "root red limit 400kb avpkt 1000", mq = "root mq", ingress = "ingress",
			clsact = "clsact", nosuchkind = "root nosuchkind",
		};
	}

	for what, kinds in pairs(agrees) do
		it("finds the kinds of " .. what .. " that stock iproute2 makes here, and no others", function()
			if not support.has(kinds.program) then
				pending(kinds.program .. " (iproute2) is not installed")
				return
			end
			local wrong, yes, no = {}, 0, 0
			for kind, words in pairs(kinds) do
				if kind ~= "program" and kind ~= "common" then
					local there, why = netns.supports(what, kind)
					local made = done(kinds.program, kinds.common .. words)
					if made ~= nil and there ~= made then
						wrong[#wrong + 1] = ("%s: %s %s"):format(kind, there, why)
					end
					yes, no = yes + (there and 1 or 0), no + (there and 0 or 1)
					assert.equal(there and "nil" or "string", type(why))
				end
			end
			assert.equal("", table.concat(wrong, "\n"))
			assert.is_true(yes > 2 and no > 0)
		end)
	end

	it("really makes what the codec has rows for", function()
		local supports, made = fresh(), nil
		local function watched(add)
			return function(self, spec)
				local e
				made, e = pcall(add, self, spec)
				return made or error(e, 0)
			end
		end
		for what, kinds in pairs {
			link = { "veth", "bridge", "ifb", "vxlan", "macvlan", "macvtap", "tun", "tap" },
			qdisc = { "tbf", "htb", "pfifo", "bfifo", "fq_codel", "netem", "ingress", "clsact" },
		} do
			local methods = core.collections[what]
			local add = methods.add
			finally(function()
				methods.add = add
			end)
			methods.add = watched(add)
			for _, kind in ipairs(kinds) do
				assert.equal(supports(what, kind), made, kind)
			end
			methods.add = add
		end
	end)

	it("says why not: the kernel's words, and what is missing", function()
		local there, why = netns.supports("link", "nosuchkind")
		assert.is_false(there)
		assert.equal("Unknown device type: no module for it (rtnl-link-nosuchkind) is installed", why)
		there, why = netns.supports("qdisc", "nosuch")
		assert.is_false(there)
		assert.equal("Specified qdisc kind is unknown: the kernel is built without "
			.. "CONFIG_NET_SCH_NOSUCH, or its module sch_nosuch is not installed", why)
	end)

	it("agrees with what can be done here about tun and nftables", function()
		local ns <close> = netns.new()
		for _, mode in ipairs { "tun", "tap" } do
			local made = pcall(ns.link.add, ns.link, { name = mode, kind = "tun", data = { mode = mode } })
			local there, why = netns.supports("link", mode)
			assert.equal(made, there, why)
		end
		local made, e = pcall(function() ns.nft:run "add table ip x" end)
		local there, why = netns.supports "nft"
		assert.equal(made, there, why)
		assert.equal(made and "nil" or "string", type(why), tostring(e))
	end)

	it("asks once, and in a namespace that is gone then", function()
		local supports, made = fresh(), {}
		local new = core.new
		finally(function()
			core.new = new
		end)
		core.new = function()
			made[#made + 1] = new()
			return made[#made]
		end
		local first = table.pack(supports("link", "bridge"))
		assert.equal(1, #made)
		assert.equal("netns.ns (closed)", tostring(made[1]))
		assert.same(first, table.pack(supports("link", "bridge")))
		local why = select(2, supports("qdisc", "nosuch"))
		assert.equal(why, select(2, supports("qdisc", "nosuch")))
		assert.equal(2, #made)
	end)

	it("raises what is no answer, and does not remember it", function()
		local supports, new = fresh(), core.new
		finally(function()
			core.new = new
		end)
		core.new = function()
			core.raise { op = "netns new", code = "EMFILE" }
		end
		refused("EMFILE", nil, supports, "link", "bridge")
		core.new = new
		assert.is_true((supports("link", "bridge")))
	end)

	it("knows misuse", function()
		refused("EINVAL", "what", netns.supports, "linc", "veth")
		refused("EINVAL", "kind", netns.supports, "link")
		refused("EINVAL", "kind", netns.supports, "link", "a b")
		refused("EINVAL", "kind", netns.supports, "nft", "inet")
		refused("EINVAL", "kind", netns.supports, "rootless", "x")
	end)
end)

describe("netns.supports \"rootless\"", function()
	local try = { "unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork",
		"--mount-proc", "true", check = false }

	it("is what an ordinary user can do here", function()
		if not support.has "unshare" then
			pending "unshare (util-linux) is not installed"
			return
		end
		local here = netns.current()
		if hosts.many_users then
			try.user = 65534
		end
		local there, why = netns.supports "rootless"
		assert.equal(here:exec(try).code == 0, there, why)
	end)

	for _, kind in ipairs { "user", "net", "mnt", "pid" } do
		it("says why not where " .. kind .. " namespaces are switched off", function()
			if not support.has "unshare" then
				pending "unshare (util-linux) is not installed"
				return
			end
			local r = netns.current():exec {
				"unshare", "--user", "--map-root-user", "--net", "sh", "-c",
				"echo 0 >/proc/sys/user/max_" .. kind .. "_namespaces; exec \"$0\" --host -",
				support.interpreter, check = false,
				stdin = "print(require 'netns'.supports 'rootless')",
			}
			assert.equal("", r.stderr)
			assert.matches("^false\tcannot create the namespaces: No space left on device: [%a ]*"
				.. "namespaces are switched off %(user%.max_" .. kind .. "_namespaces = 0%); remedy: ",
				r.stdout)
		end)
	end

	it("says what is in the way where /proc is covered, and leaves nothing", function()
		if not support.has "unshare" then
			pending "unshare (util-linux) is not installed"
			return
		end
		local r = netns.current():exec {
			"unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c",
			"mount -t tmpfs none /proc/sys && exec \"$0\" --host -", support.interpreter, check = false,
			stdin = [[
				local netns = require "netns"
				print(netns.supports "rootless")
				print(os.execute "ls /proc/sys")
			]],
		}
		assert.equal("", r.stderr)
		assert.matches("^false\tcannot mount /proc: Operation not permitted: ", r.stdout)
		assert.matches("\ntrue\texit\t0\n$", r.stdout)
	end)
end)

describe("netns.supports in lua5.4", function()
	setup(hosts.setup)
	teardown(hosts.teardown)

	hosts.each_user("works", function(user)
		local out = hosts.succeeds(user, "lua5.4", [[
			local netns = require "netns"
			print(netns.supports("link", "veth"))
			print((netns.supports("link", "nosuchkind")))
			print(netns.supports("qdisc", "tbf"))
			print((netns.supports "rootless"))
			print(netns.supports "nft")
		]])
		local head, nft = out:match("^(.-\n)([^\n]*)\n$")
		if user.may then
			assert.matches("^true\nfalse\ntrue", head)
		else
			assert.matches("^true\nfalse\n", head)
			assert.matches("^false\t", nft)
		end
	end)
end)
