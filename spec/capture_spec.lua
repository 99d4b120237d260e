-- SPDX-License-Identifier: MIT
-- capture_spec.lua - ns:capture: what crosses links, into a file
local core = require "netns.core"
local netns = require "netns"
local parse = require "spec.pcap"
local scratch = require "spec.scratch"
local support = require "spec.support"

local refused = support.refused

describe("ns:capture", function()
	local a, b, dir, file

	before_each(function()
		dir, a, b = scratch.new(), netns.new(), netns.new()
		file = dir.path .. "/capture"
		for i, ns in ipairs { a, b } do
			-- which would speak unasked
			ns.sysctl["net.ipv6.conf.default.disable_ipv6"] = 1
			ns.sysctl["net.ipv6.conf.lo.disable_ipv6"] = 1
			ns.link:set { name = "lo", up = true }
			if i == 2 then
				a.link:add { name = "e0", kind = "veth", up = true, mac = "02:00:00:00:00:01",
					peer = { name = "e0", netns = b, up = true, mac = "02:00:00:00:00:02" } }
			end
		end
		for i, ns in ipairs { a, b } do
			ns.addr:add { dev = "e0", addr = "10.0.0." .. i .. "/24" }
			ns.neigh:add { dev = "e0", dst = "10.0.0." .. 3 - i, lladdr = "02:00:00:00:00:0" .. 3 - i }
		end
	end)

	after_each(function()
		a:close()
		b:close()
		dir:remove()
	end)

	-- Two datagrams, there and back.
	local function talk(port, to, addr)
		local verdict = netns.probe { from = a, to = to or b, addr = addr, proto = "udp", port = port,
			listen = true, timeout = 5 }
		assert.equal("open", verdict.verdict)
	end

	-- Source and destination port of a datagram over IPv4, whose header begins behind `skip` bytes.
	local function ports(frame, skip)
		return (">I2I2"):unpack(frame.bytes, skip + 20 + 1)
	end

	-- What a link carried.
	local function carried()
		local stats = a.link:get("e0").stats
		return stats.rx_packets + stats.tx_packets
	end

	it("writes Ethernet frames, whole and in their order", function()
		local before = os.time()
		local c <close> = a:capture { dev = "e0", file = file }
		talk(5000)
		assert.same({ packets = 2, filtered = 0, dropped = 0 }, c:stop())
		local frames = parse(file)
		assert.same({ 1, 262144, 2 }, { frames.link, frames.snaplen, #frames })
		for i, frame in ipairs(frames) do
			assert.equal(frame.length, frame.captured)
			local to, from, proto = (">c6c6I2"):unpack(frame.bytes)
			assert.equal(0x800, proto)
			assert.equal(3 - i, to:byte(6))
			assert.equal(i, from:byte(6))
			assert.is_true(frame.sec >= before and frame.sec <= os.time() and frame.nsec < 10^9)
			assert.equal(5000, (select(3 - i, ports(frame, 14))))
		end
		local first, second = frames[1], frames[2]
		assert.is_true(first.sec * 10^9 + first.nsec <= second.sec * 10^9 + second.nsec)
	end)

	it("takes all links when none is named, and says which", function()
		local c <close> = a:capture { file = file }
		talk(5000)
		talk(5001, a, "127.0.0.1") -- each once, though they go out and come in
		assert.equal(4, c:stop().packets)
		local frames, seen = parse(file), {}
		assert.equal(276, frames.link)
		for _, frame in ipairs(frames) do
			local proto, index, hatype, kind, size = (">I2xxI4I2BB"):unpack(frame.bytes)
			local sport, dport = ports(frame, 20)
			seen[#seen + 1] = { proto, index, hatype, kind, size, sport == 5000 or sport == 5001,
				dport == 5000 or dport == 5001 }
		end
		local e0, lo = a.link:get("e0").index, a.link:get("lo").index
		assert.same({
			{ 0x800, e0, 1, 4, 6, false, true }, { 0x800, e0, 1, 0, 6, true, false },
			{ 0x800, lo, 772, 0, 6, false, true }, { 0x800, lo, 772, 0, 6, true, false },
		}, seen)
	end)

	it("takes each packet of a loopback link once", function()
		local c <close> = a:capture { dev = "lo", file = file }
		talk(5000, a, "127.0.0.1")
		assert.equal(2, c:stop().packets)
		assert.equal(1, parse(file).link)
	end)

	it("takes links that have no Ethernet header", function()
		local there, why = netns.supports("link", "ipip")
		if not there then
			pending(why)
			return
		end
		for i, ns in ipairs { a, b } do
			ns.link:add { name = "t0", kind = "ipip", up = true,
				data = { ["local"] = "10.0.0." .. i, remote = "10.0.0." .. 3 - i } }
			ns.addr:add { dev = "t0", addr = "10.1.0." .. i .. "/24" }
		end
		local c <close> = a:capture { dev = "t0", file = file }
		talk(5000, b, "10.1.0.2")
		assert.equal(2, c:stop().packets)
		local frames = parse(file)
		assert.equal(276, frames.link)
		assert.equal(5000, (select(2, ports(frames[1], 20))))
	end)

	it("puts a vlan tag back where it was", function()
		local there, why = netns.supports("link", "vlan")
		if not there then
			pending(why)
			return
		end
		for i, ns in ipairs { a, b } do
			ns.link:add { name = "v5", kind = "vlan", link = "e0", up = true, data = { id = 5 } }
			ns.addr:add { dev = "v5", addr = "10.1.0." .. i .. "/24" }
		end
		local c <close> = a:capture { dev = "e0", file = file }
		local tagged <close> = a:capture { dev = "e0", file = file .. "5", filter = "vlan 5 and udp" }
		talk(5000, b, "10.1.0.2")
		assert.is_true(c:stop().packets >= 2)
		assert.equal(2, tagged:stop().packets)
		for _, frame in ipairs(parse(file)) do
			assert.equal("\x81\0\0\5", frame.bytes:sub(13, 16))
		end
		assert.equal(5000, (select(2, ports(parse(file .. "5")[1], 18))))
	end)

	it("cuts frames", function()
		local c <close> = a:capture { dev = "e0", file = file, snaplen = 40 }
		talk(5000)
		c:stop()
		local frames = parse(file)
		assert.equal(40, frames.snaplen)
		assert.equal(40, frames[1].captured)
		assert.equal(58, frames[1].length)
	end)

	it("takes what a filter lets through, or says what is missing", function()
		if not package.loadlib("libpcap.so.0.8", "*") and not package.loadlib("libpcap.so.1", "*") then
			local err = refused("ENOPKG", "filter", a.capture, a, { file = file, filter = "udp" })
			assert.truthy(err.hint)
			return
		end
		local c <close> = a:capture { dev = "e0", file = file, filter = "udp port 5001", snaplen = 20 }
		local all <close> = a:capture { file = file .. "2", filter = "dst port 5001" }
		talk(5000)
		talk(5001)
		assert.same({ packets = 2, filtered = 2, dropped = 0 }, c:stop())
		assert.same({ packets = 1, filtered = 3, dropped = 0 }, all:stop())
		assert.equal(20, parse(file)[2].captured)
		assert.equal(5001, (select(2, ports(parse(file .. "2")[1], 20))))
		local err = refused("EINVAL", "filter", a.capture, a, { file = file, filter = "udp prt 5001" })
		assert.truthy(err.message:find "syntax error")
		assert.equal(2, #parse(file)) -- it was left alone
	end)

	it("counts what found no room", function()
		local c <close> = a:capture { dev = "e0", file = file, buffer = 1 }
		local rows = {}
		for i = 1, 2000 do
			rows[i] = { from = a, to = "10.0.0.2", proto = "udp", port = 10000 + i, timeout = 0.01 }
		end
		local before = carried()
		netns.probe(rows)
		local counts = c:stop()
		assert.is_true(counts.dropped > 0 and counts.packets > 100)
		assert.equal(carried() - before, counts.dropped + counts.packets)
		assert.equal(counts.packets, #parse(file))
	end)

	it("writes when it is asked to, what came until then", function()
		local c <close> = a:capture { dev = "e0", file = file }
		assert.equal(0, c:flush().packets)
		assert.equal(0, #parse(file))
		for i = 1, 3 do
			talk(5000 + i)
			assert.equal(2 * i, c:flush().packets)
			assert.equal(2 * i, #parse(file))
		end
		talk(5004)
		assert.equal(8, c:stop().packets)
		for i, frame in ipairs(parse(file)) do
			assert.equal(5000 + (i + 1) // 2, (select(i % 2 == 1 and 2 or 1, ports(frame, 14))))
		end
	end)

	-- Much at once.
	local function shout()
		local rows = {}
		for i = 1, 300 do
			rows[i] = { from = a, to = b, proto = "udp", port = 10000 + i, listen = true, timeout = 5 }
		end
		netns.probe(rows)
	end

	it("goes round its memory, and says when some of it is full", function()
		local c <close> = a:capture { dev = "e0", file = file, buffer = 1 }
		local before, rounds = carried(), 0
		assert.same({ nil, "timeout" }, { netns.wait({ c }, 0.01) })
		for _ = 1, 12 do
			shout()
			local ready = netns.wait({ c }, 0)
			rounds = rounds + (ready and 1 or 0)
			assert.same({ packets = carried() - before, filtered = 0, dropped = 0 }, c:flush())
			assert.is_nil(netns.wait({ c }, 0))
		end
		assert.is_true(rounds >= 4 and rounds < 12, tostring(rounds))
		assert.equal(carried() - before, #parse(file))
	end)

	it("does not use up its memory in time", function()
		local c <close> = a:capture { dev = "e0", file = file, buffer = 1 }
		for i = 1, 20 do
			talk(5000 + i)
			netns.sleep(0.02)
		end
		assert.same({ packets = 40, filtered = 0, dropped = 0 }, c:stop())
	end)

	it("is read by tshark", function()
		if not support.has "tshark" then
			pending("tshark is not installed")
			return
		end
		local c <close> = a:capture { dev = "e0", file = file }
		local all <close> = a:capture { file = file .. "2" }
		talk(5000)
		c:stop()
		all:stop()
		for name, link in pairs { [file] = "eth:ethertype", [file .. "2"] = "sll:ethertype" } do
			local out = a:exec({ "tshark", "-r", name, "-T", "fields", "-e", "frame.protocols",
				"-e", "ip.dst", "-e", "udp.dstport", env = { HOME = dir.path } }).stdout
			-- what it takes the payload for is its own business
			local protocols, dst, port = out:match "([^\t]+)\t([^\t]+)\t([^\n]+)"
			assert.same({ link .. ":ip:udp", "10.0.0.2", "5000" },
				{ protocols:match "^(.*:udp)", dst, port })
		end
	end)

	it("ends with its block, its handle or the call, and tells its counts again", function()
		do
			local c <close> = a:capture { dev = "e0", file = file }
			talk(5000)
			assert.equal(("netns.capture (%s)"):format(file), tostring(c))
		end
		assert.equal(2, #parse(file))
		local other = netns.new()
		local c = other:capture { dev = "lo", file = file }
		other:close()
		assert.equal(0, c:stop().packets)
		assert.same({ packets = 0, filtered = 0, dropped = 0 }, c:stop())
		c:close()
		assert.equal("netns.capture (closed)", tostring(c))
		for _, method in ipairs { "flush", "pollfd", "events" } do
			refused("EBADF", "self", c[method], c)
		end
	end)

	it("gives its memory back", function()
		local function pages()
			return io.open("/proc/self/statm"):read "n"
		end
		local before = pages()
		for _ = 1, 10 do
			a:capture({ dev = "e0", file = file, buffer = 4 << 20 }):stop()
		end
		assert.is_true((pages() - before) * 4096 < 20 << 20)
	end)

	it("says when the file takes no more", function()
		local c <close> = a:capture { dev = "e0", file = "/dev/full" }
		local last <close> = a:capture { dev = "e0", file = "/dev/full" }
		talk(5000)
		refused("ENOSPC", nil, c.flush, c)
		refused("ENOSPC", nil, last.stop, last)
		refused("EBADF", "self", last.flush, last)
	end)

	it("says that who read its pipe is gone, and the program lives on", function()
		local script = ([[
			local netns = require "netns"
			local ns = netns.new()
			ns.link:set { name = "lo", up = true }
			netns.current():exec { "mkfifo", %q }
			local reader = netns.current():spawn { "head", "-c", "1", %q, stdout = "null" }
			local c = ns:capture { dev = "lo", file = %q }
			c:flush()
			reader:wait()
			assert(netns.probe({ from = ns, to = ns }).verdict == "open")
			local ok, e = pcall(c.flush, c)
			print(ok, e.code)
			c:close()
			print "goes on"
		]]):format(file, file, file)
		local result = netns.current():exec { support.interpreter, "-e", script, check = false,
			timeout = 20 }
		assert.same({ 0, "false\tEPIPE\ngoes on\n" }, { result.code, result.stdout }, result.stderr)
	end)

	it("refuses what it cannot do, and then touches no file", function()
		refused("EINVAL", "file", a.capture, a, {})
		refused("EINVAL", "file", a.capture, a, { file = "" })
		refused("EINVAL", "snaplen", a.capture, a, { file = file, snaplen = 0 })
		refused("EINVAL", "buffer", a.capture, a, { file = file, buffer = "8mb" })
		refused("EINVAL", "dev", a.capture, a, { file = file, dev = "a b" })
		refused("EINVAL", "colour", a.capture, a, { file = file, colour = 1 })
		refused("ENODEV", "dev", a.capture, a, { file = file, dev = "nowhere" })
		refused("ENOENT", nil, a.capture, a, { file = file .. "/nowhere" })
		assert.is_nil(support.read(file))
		for _, row in ipairs(core.capture.options) do
			assert.is_string(row.key)
		end
	end)
end)
