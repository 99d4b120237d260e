-- SPDX-License-Identifier: MIT
-- wireguard_spec.lua - keys and peers of wireguard links, and what crosses their tunnels
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"

local refused = support.refused

local private = {
	"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", "CHmM2U6VfZ8kXJEYb6AxjuVIhYJPNOFFEVFRbBqg2G0=",
}
local someone, other = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=",
	"gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA="
local shared = "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE="

describe("a wireguard link", function()
	local a, b

	before_each(function()
		a, b = netns.new(), netns.new()
	end)

	after_each(function()
		a:close()
		b:close()
	end)

	local there, why = netns.supports("link", "wireguard")

	local function test(name, f)
		it(name, there and f or function()
			pending(why)
		end)
	end

	local function data(ns, name)
		local found = (ns or a).link:get(name or "wg0").data
		for _, peer in ipairs(found.peers or {}) do
			assert.same({ 0, 0 }, { peer.rx_bytes, peer.tx_bytes })
			peer.rx_bytes, peer.tx_bytes = nil, nil
		end
		return found
	end

	local peers = {
		{ public_key = someone, preshared_key = shared, endpoint = "192.0.2.1:51820",
			persistent_keepalive = 25, allowed_ips = { "10.9.0.2/32", "10.10.0.0/16", "fd09::/64" } },
		{ public_key = other, endpoint = "[2001:db8::1]:99", allowed_ips = {} },
	}

	-- The entry with that key, in another's order.
	local function by_key(list)
		local out = {}
		for _, peer in ipairs(list) do
			out[peer.public_key] = peer
			table.sort(peer.allowed_ips or {})
			peer.allowed_ips = peer.allowed_ips and peer.allowed_ips[1] and peer.allowed_ips
		end
		return out
	end

	local function copies()
		local list = {}
		for i, peer in ipairs(peers) do
			list[i] = {}
			for key, value in pairs(peer) do
				list[i][key] = type(value) == "table" and { table.unpack(value) } or value
			end
		end
		return list
	end

	test("has the keys and the peers that it is told, and lists them", function()
		a.link:add { name = "wg0", kind = "wireguard", mtu = 1400, data = {
			private_key = private[1], listen_port = 51820, fwmark = 7, peers = copies() } }
		local found = data()
		assert.same({ private[1], 51820, 7 }, { found.private_key, found.listen_port, found.fwmark })
		assert.equal(44, #found.public_key)
		assert.same(by_key(copies()), by_key(found.peers))
		assert.equal(1400, a.link:get("wg0").mtu)
		a.link:add { name = "wg1", kind = "wireguard", netns = b, data = { private_key = private[2] } }
		assert.equal(private[2], data(b, "wg1").private_key)
		assert.same({}, a.link:list { name = "wg1" })
		if support.has "wg" then
			local told = a:exec({ "wg", "show", "wg0", "dump" }).stdout
			assert.equal(table.concat({ private[1], found.public_key, "51820", "0x7" }, "\t"),
				told:match "^[^\n]*")
		end
	end)

	test("is changed, peer by peer", function()
		a.link:add { name = "wg0", kind = "wireguard", data = { private_key = private[1],
			peers = copies() } }
		a.link:set { name = "wg0", kind = "wireguard", data = { listen_port = 1234 } }
		assert.same({ 1234, 2 }, { data().listen_port, #data().peers })
		a.link:set { name = "wg0", kind = "wireguard", data = { peers = {
			{ public_key = someone, allowed_ips = { "10.11.0.0/16" } } } } }
		assert.same({ { public_key = someone, endpoint = "192.0.2.1:51820",
			allowed_ips = { "10.11.0.0/16" } } }, data().peers)
		a.link:replace { name = "wg0", kind = "wireguard", data = { peers = {} } }
		assert.is_nil((data().peers or {})[1])
		assert.same({ private[1], 1234 }, { data().private_key, data().listen_port })
	end)

	test("holds many peers and many networks", function()
		local many = {}
		for i = 1, 300 do
			many[i] = { allowed_ips = { ("10.%d.%d.0/24"):format(i // 256, i % 256) },
				public_key = ("%04d"):format(i) .. ("A"):rep(39) .. "=" }
		end
		for i = 1, 500 do
			many[1].allowed_ips[i + 1] = ("10.77.%d.%d/32"):format(i // 256, i % 256)
		end
		a.link:add { name = "wg0", kind = "wireguard", data = { peers = many } }
		local found = by_key(data().peers)
		for _, peer in ipairs(many) do
			assert.equal(#peer.allowed_ips, #found[peer.public_key].allowed_ips)
			found[peer.public_key] = nil
		end
		assert.is_nil(next(found))
	end)

	test("is made again from its listing", function()
		a.link:add { name = "wg0", kind = "wireguard", up = true, data = {
			private_key = private[1], listen_port = 51820, peers = copies() } }
		for _ = 1, 2 do
			b.link:replace(a.link:list())
			local wanted, found = data(), data(b)
			wanted.peers, found.peers = by_key(wanted.peers), by_key(found.peers)
			assert.same(wanted, found)
		end
	end)

	test("is not there when a part of it is refused, and says which field is wrong", function()
		local function bad(attr, told)
			refused("EINVAL", attr, a.link.add, a.link, { name = "wg0", kind = "wireguard", data = told })
			assert.is_nil(a.link:get "wg0")
		end
		bad("data.private_key", { private_key = "secret" })
		bad("data.listen_port", { listen_port = 65536 })
		bad("data.colour", { colour = 1 })
		bad("data.peers", { peers = { "x" } })
		bad("data.peers.public_key", { peers = { { public_key = someone .. "=" } } })
		bad("data.peers.endpoint", { peers = { { public_key = someone, endpoint = "host:1" } } })
		bad("data.peers.allowed_ips", { peers = { { public_key = someone, allowed_ips = { "x" } } } })
		bad("data.peers.colour", { peers = { { public_key = someone, colour = 1 } } })
		bad("data.peers.public_key", { peers = { { endpoint = "10.0.0.1:1" } } })
	end)

	-- A program that opens sockets: they change how this process takes signals.
	local function lua(code)
		return { support.interpreter, "--host", "-e", code, stdout = "capture" }
	end

	test("carries what is sent, and nobody on the way can read it", function()
		local dir = scratch.new()
		finally(function()
			dir:remove()
		end)
		local text = "a clear text that nobody needs to see"
		a.link:add { name = "e0", kind = "veth", up = true,
			peer = { name = "e0", netns = b, up = true } }
		for i, ns in ipairs { a, b } do
			ns.addr:add { dev = "e0", addr = ("10.0.0.%d/24"):format(i) }
			ns.link:add { name = "wg0", kind = "wireguard", data = {
				private_key = private[i], listen_port = 51820 } }
			ns.addr:add { dev = "wg0", addr = ("10.9.0.%d/24"):format(i) }
		end
		local keys = { a.link:get("wg0").data.public_key, b.link:get("wg0").data.public_key }
		for i, ns in ipairs { a, b } do
			ns.link:set { name = "wg0", kind = "wireguard", up = true, data = { peers = {
				{ public_key = keys[3 - i], preshared_key = shared,
					endpoint = ("10.0.0.%d:51820"):format(3 - i),
					allowed_ips = { ("10.9.0.%d/32"):format(3 - i) } } } } }
		end
		-- Is the text in what crosses e0 when it is sent to that address? And was it received?
		local function crosses(address)
			local file = dir.path .. "/" .. address
			local capture <close> = b:capture { dev = "e0", file = file }
			local receiver <close> = b:spawn(lua [[
				local s = require "socket".udp4()
				assert(s:setsockname("0.0.0.0", 999))
				s:settimeout(30)
				print "ready" io.flush()
				print((s:receive()))
			]])
			assert.is_truthy(receiver:expect("ready", 30))
			a:exec(lua(("assert(require 'socket'.udp4():sendto(%q, %q, 999))"):format(text, address)))
			assert.is_truthy(receiver:expect(text, 30))
			capture:stop()
			return support.read(file):find(text, 1, true) ~= nil
		end
		assert.is_true(crosses "10.0.0.2")
		assert.is_false(crosses "10.9.0.2")
		for _, ns in ipairs { a, b } do
			local peer = ns.link:get("wg0").data.peers[1]
			assert.is_true(peer.rx_bytes > 0 and peer.tx_bytes > 0)
			assert.is_true(math.abs(peer.last_handshake - os.time()) < 3600)
		end
		assert.equal("open", netns.probe({ from = a, to = b, addr = "10.9.0.2", proto = "icmp",
			timeout = 10 }).verdict)
		-- what comes from an address that the peer may not have is nobody's
		b.link:set { name = "wg0", kind = "wireguard", data = { peers = {
			{ public_key = keys[1], preshared_key = shared, allowed_ips = { "10.9.9.9/32" } } } } }
		assert.not_equal("open", netns.probe({ from = a, to = b, addr = "10.9.0.2", proto = "icmp",
			timeout = 2 }).verdict)
	end)
end)
