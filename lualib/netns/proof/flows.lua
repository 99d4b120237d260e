-- SPDX-License-Identifier: MIT
-- netns.proof.flows - connections that a node has already: what a new probe says nothing about
--
-- A firewall that keeps state lets packets of established connections pass before it asks its other
-- rules, so a new rule stops every probe and none of them. Sockets tell: /proc/net/tcp and its kin,
-- read by a thread in the namespace (proc(5)).

local prefix = require "netns.prefix"

local files = { tcp = { "tcp", "tcp6" }, udp = { "udp", "udp6" } }
local CONNECTED = "01"
local MAPPED = ("\0"):rep(10) .. "\255\255" -- an IPv4 address in an IPv6 socket

--- The bytes of an address as the kernel prints them: words of four, in the machine's order.
local function bytes_of(hex)
	local parts = {}
	for word in hex:gmatch "%x%x%x%x%x%x%x%x" do
		parts[#parts + 1] = string.pack("=I4", tonumber(word, 16))
	end
	local bytes = table.concat(parts)
	return bytes:sub(1, 12) == MAPPED and bytes:sub(13) or bytes
end

local function key(proto, bytes, port)
	return ("%s %d %s"):format(proto, port, bytes)
end

local function read(proto, name, into)
	local file <close> = io.open("/proc/thread-self/net/" .. name)
	for line in file and file:lines() or function() end do
		local addr, port, state = line:match "^%s*%d+: %x+:%x+ (%x+):(%x+) (%x%x)"
		if state == CONNECTED then
			into[key(proto, bytes_of(addr), tonumber(port, 16))] = true
		end
	end
end

--- What a namespace's sockets are connected to, for `has`; nil where nobody can look.
local function read_all(ns)
	local found = {}
	local looked = pcall(ns.call, ns, function()
		for proto, names in next, files do
			for _, name in ipairs(names) do
				read(proto, name, found)
			end
		end
	end)
	return looked and found or nil
end

--- Is one connected to this address and port?
local function has(found, proto, addr, port)
	local target = prefix.parse(addr)
	local bytes = target.family == "inet" and string.pack(">I4", target.lo)
		or string.pack(">i8i8", target.hi, target.lo)
	return found[key(proto, bytes, port)] == true
end

return { read = read_all, has = has }
