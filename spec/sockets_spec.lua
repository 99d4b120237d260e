-- SPDX-License-Identifier: MIT
-- sockets_spec.lua - ns:sockets: what `ss` shows
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"

local refused = support.refused

describe("ns:sockets", function()
	local dir, path, ns, program

	setup(function()
		dir, ns = scratch.new(), netns.new()
		path = dir.path .. "/socket"
		ns.link:set { name = "lo", up = true }
		program = ns:spawn { support.host "sockets", path, stdin = true, stdout = "capture",
			stderr = "inherit" }
		assert(program:expect("ready", 10))
	end)

	teardown(function()
		program:close()
		ns:close()
		dir:remove()
	end)

	-- Those that fit, without what is different each time.
	local function sockets(filter)
		local list = ns:sockets(filter)
		for _, socket in ipairs(list) do
			assert.is_true(socket.inode > 0)
			assert.equal(0, socket.uid or 0)
			socket.inode, socket.uid = nil, nil
		end
		return list
	end

	local function one(filter, expected)
		local list = sockets(filter)
		for key, value in pairs(filter) do
			expected[key] = value
		end
		assert.same({ expected }, list)
	end

	it("lists those of TCP, with their queues", function()
		one({ proto = "tcp", state = "listening", sport = 8000 },
			{ family = "inet", src = "127.0.0.1", recv_q = 0, send_q = 7 })
		one({ proto = "tcp", sport = 8003 },
			{ family = "inet6", src = "::", state = "listening", recv_q = 0, send_q = 3, v6only = true })
		local client = ns:sockets({ dport = 8000 })[1]
		one({ proto = "tcp", state = "established", sport = 8000 }, { family = "inet",
			src = "127.0.0.1", dst = "127.0.0.1", dport = client.sport, recv_q = 5, send_q = 0 })
		assert.equal(4, #ns:sockets { proto = "tcp" })
	end)

	it("lists those of UDP", function()
		local function udp(port, family, more)
			more.state, more.recv_q, more.send_q = "unconnected", 0, 0
			one({ proto = "udp", sport = port, family = family }, more)
		end
		udp(8001, "inet", { src = "0.0.0.0" })
		udp(8002, "inet", { src = "127.0.0.1", dev = "lo" })
		udp(8004, "inet6", { src = "::1", v6only = true })
		assert.equal(3, #ns:sockets { proto = "udp" })
	end)

	it("lists raw ones", function()
		for family, row in pairs { inet = { "0.0.0.0", 1 }, inet6 = { "::", 58 } } do
			local list = sockets { proto = "raw", family = family }
			list[1].v6only = nil -- some kernels tell it
			assert.same({ { proto = "raw", family = family, src = row[1], protocol = row[2],
				state = "unconnected", recv_q = 0, send_q = 0 } }, list)
		end
	end)

	it("lists AF_UNIX ones, with their names and peers", function()
		one({ proto = "unix", path = path },
			{ family = "unix", type = "dgram", state = "unconnected", recv_q = 0, send_q = 0 })
		local listener = ns:sockets({ path = "@abstract", state = "listening" })
		assert.equal(1, #listener)
		assert.same({ "stream", 0, 2 }, { listener[1].type, listener[1].recv_q, listener[1].send_q })
		local accepted = ns:sockets({ path = "@abstract", state = "established" })[1]
		local client = ns:sockets({ proto = "unix", inode = accepted.peer })[1]
		assert.equal(accepted.inode, client.peer)
		assert.is_nil(client.path)
	end)

	it("lists packet sockets", function()
		one({ proto = "packet", dev = "lo" }, { family = "packet", type = "raw", protocol = 0x800,
			recv_q = 0 })
	end)

	it("finds the same as ss", function()
		if not support.has "ss" then
			pending("ss (iproute2) is not installed")
			return
		end
		local words = { established = "ESTAB", listening = "LISTEN", unconnected = "UNCONN" }
		local theirs, ours = {}, {}
		for line in ns:exec({ "ss", "-Hantu" }).stdout:gmatch "[^\n]+" do
			local netid, state, recv_q, send_q, here, there = line:match(
				"^(%S+)%s+(%S+)%s+(%d+)%s+(%d+)%s+(%S+)%s+(%S+)")
			theirs[#theirs + 1] = table.concat({ netid, state, recv_q, send_q, here, there }, " ")
		end
		local function place(socket, address, port)
			address = address or (socket.family == "inet" and "0.0.0.0" or "::")
			address = socket.family == "inet6" and "[" .. address .. "]" or address
			return ("%s%s:%s"):format(address, address == socket.src and socket.dev and "%" .. socket.dev
				or "", port or "*")
		end
		for _, socket in ipairs(ns:sockets()) do
			if socket.proto == "tcp" or socket.proto == "udp" then
				ours[#ours + 1] = table.concat({ socket.proto, words[socket.state], socket.recv_q,
					socket.send_q, place(socket, socket.src, socket.sport),
					place(socket, socket.dst, socket.dport) }, " ")
			end
		end
		table.sort(theirs)
		table.sort(ours)
		assert.equal(7, #ours)
		assert.same(theirs, ours)
	end)

	it("lists those of this namespace alone", function()
		local other <close> = netns.new()
		assert.same({}, other:sockets())
		assert.same({}, other:sockets { sport = 8000 })
	end)

	it("finds by what was asked for", function()
		assert.equal(2, #ns:sockets { dev = "lo" })
		assert.equal(1, #ns:sockets { src = "0::1" })
		assert.equal(0, #ns:sockets { src = "10.0.0.1" })
		assert.equal(0, #ns:sockets { proto = "unix", sport = 8000 })
		assert.equal(0, #ns:sockets { proto = "udp", state = "listening" })
		assert.equal(0, #ns:sockets { dev = "nowhere" })
		local all = 0
		for _, proto in ipairs { "tcp", "udp", "raw", "unix", "packet" } do
			all = all + #ns:sockets { proto = proto }
		end
		assert.equal(all, #ns:sockets())
		assert.equal(all, #ns:sockets {})
	end)

	it("refuses a filter that nothing could fit", function()
		for attr, filter in pairs {
			colour = { colour = "red" }, proto = { proto = "sctp" }, sport = { sport = "http" },
			state = { state = "open" }, src = { src = "here" }, inode = { inode = -1 },
			type = { type = "carrier pigeon" }, filter = { "tcp" },
		} do
			refused("EINVAL", attr, ns.sockets, ns, filter)
		end
		refused("EINVAL", "filter", ns.sockets, ns, "tcp")
		refused("EINVAL", "proto", ns.sockets, ns, { proto = 6 })
	end)
end)
