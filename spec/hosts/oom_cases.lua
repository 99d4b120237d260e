-- SPDX-License-Identifier: MIT
-- oom_cases.lua - what spec/hosts/oom.c calls while memory runs out: every constructor and verb
--
-- run(x) makes one call; what it makes is reachable only from x and its own locals, or from nobody
-- at all. x.keep is closed afterwards.

local cases = {}

local function case(name, run, more)
	local row = more or {}
	row.name, row.run = name, run
	cases[#cases + 1] = row
end

-- f must raise an object; the text that says that memory ran out goes on.
local function refused(f, ...)
	local ok, err = pcall(f, ...)
	assert(not ok, "nothing was raised")
	if type(err) ~= "table" then
		error(err, 0)
	end
	return tostring(err)
end

-- 1. Loading. The other cases have it behind them, so `netns` is loaded when the first of them is.

local function unload()
	for name in pairs(package.loaded) do
		if name:find "^netns" then
			package.loaded[name] = nil
		end
	end
end

-- What a failed attempt left in the state must not be in the way of a later one.
local function still_loads()
	unload()
	local netns = require "netns"
	local ns <close> = netns.new()
	assert(#ns.link:list() == 1 and ns:exec({ "true" }).code == 0)
	ns:close()
	assert(tostring(ns) == "netns.ns (closed)")
end

case("require netns.core", function()
	require "netns.core"
end, { fresh = 1, undo = still_loads })

case("require netns", function()
	require "netns"
end, { fresh = 1, stride = 7, undo = still_loads })

local netns = setmetatable({}, {
	__index = function(_, key)
		return require "netns"[key]
	end,
})

-- 2. Namespaces

local function close(x)
	for _, handle in pairs(x.keep or {}) do
		handle:close()
	end
end

local function one()
	local ns = netns.new()
	return { ns = ns, keep = { ns } }
end

-- Two namespaces with a link between them, addresses and all.
local function two()
	local a, b = netns.new(), netns.new()
	a.link:set { name = "lo", up = true }
	b.link:set { name = "lo", up = true }
	a.link:add {
		name = "eth0", kind = "veth", up = true, peer = { name = "eth0", netns = b, up = true },
	}
	a.addr:add { dev = "eth0", addr = "10.7.0.1/24" }
	b.addr:add { dev = "eth0", addr = "10.7.0.2/24" }
	return { a = a, b = b, keep = { a, b } }
end

local function read(path, format)
	local file <close> = io.open(path)
	return file and file:read(format or "a")
end

local here = read("/proc/self/stat", "n")

case("new", function()
	netns.new()
end)

case("new and close", function()
	local ns <close> = netns.new()
	assert(ns)
end)

case("open a pid", function()
	netns.open(here)
end)

case("open a path", function()
	netns.open("/proc/self/ns/net")
end)

case("open what is not there", function()
	refused(netns.open, "/proc/self/ns/nothing")
end)

case("current", function()
	netns.current()
end)

case("list", function()
	netns.list()
end)

case("identify", function()
	netns.identify(here)
end)

case("handle", function(x)
	tostring(x.ns)
	assert(x.ns == x.ns and x.ns.inode and not x.ns.name)
	return x.ns.link, x.ns.addr, x.ns.route, x.ns:pids()
end, { setup = one, undo = close })

case("capture", function(x)
	local c <close> = x.a:capture { dev = "eth0", file = "/dev/null", buffer = 1 }
	assert(c:flush().dropped == 0)
	assert(c:stop().dropped == 0 and tostring(c))
end, { setup = two, undo = close })

case("sockets", function(x)
	for _, proto in ipairs { "tcp", "raw", "packet" } do
		assert(#x.ns:sockets { proto = proto } == 0)
	end
end, { setup = one, undo = close })

case("monitor", function(x)
	local m <close> = x.a:monitor()
	x.a.link:set { name = "eth0", group = 5 }
	x.a.addr:add { dev = "eth0", addr = "10.7.1.1/24" }
	local heard = 0
	for _ = 1, 3 do
		heard = heard + (m:read(0) and 1 or 0)
	end
	assert(heard == 3 and tostring(m))
end, { setup = two, undo = close })

case("sleep and clock", function()
	netns.sleep(0)
	netns.clock()
end)

case("an error", function()
	refused(netns.open, "")
end)

local CAP_SYS_ADMIN = 1 << 21
local enters = tonumber(read "/proc/self/status":match "CapEff:%s*(%x+)", 16) & CAP_SYS_ADMIN ~= 0

-- Names are given in a private /run/netns only.
local names = enters and read "/proc/1/comm" == "nslua-init\n"

local function forget()
	for _, name in ipairs(netns.list()) do
		netns.delete(name)
	end
end

if names then
	case("add", function()
		netns.add "oom"
	end, { undo = forget })

	case("attach and delete", function(x)
		x.ns:attach "oom"
		x.ns:delete()
	end, { setup = one, undo = forget })

	case("open and delete a name", function()
		netns.open "oom"
		netns.list()
		netns.identify(here)
		netns.delete "oom"
	end, {
		setup = function()
			forget()
			netns.add "oom":close()
		end,
		undo = forget,
	})

	case("prune", function()
		netns.prune()
	end)
end

if enters then
	case("call", function(x)
		return x.ns:call(function(...)
			return { ... }, ("x"):rep(100), x.ns:call(tostring, 1)
		end, 1, 2, 3)
	end, { setup = one, undo = close })

	case("call that raises", function(x)
		refused(x.ns.call, x.ns, function()
			error { ("x"):rep(100) }
		end)
	end, { setup = one, undo = close })
end

-- 3. Links, addresses, routes

case("link list and get", function(x)
	x.a.link:list()
	x.a.link:list { kind = "veth" }
	x.a.link:get "eth0"
	x.a.link:get { name = "lo" }
end, { setup = two, undo = close })

case("link add", function(x)
	x.a.link:add {
		{ name = "p0", kind = "veth", peer = { name = "p0", netns = x.b, mac = "02:00:00:00:00:07" } },
		{ name = "br0", kind = "bridge", up = true, mtu = 1400 },
	}
end, { setup = two, undo = close })

case("link set", function(x)
	x.a.link:set { name = "eth0", rename = "lan0", mtu = 1400, alias = "a", netns = x.b, up = false }
end, { setup = two, undo = close })

case("link replace, delete and flush", function(x)
	x.a.link:replace { { name = "eth0", mtu = 1400 }, { name = "br0", kind = "bridge" } }
	x.a.link:delete "br0"
	x.a.link:flush()
end, { setup = two, undo = close, stride = 5 })

case("addr", function(x)
	x.a.addr:add { { dev = "eth0", addr = "10.8.0.1/24" }, { dev = "eth0", addr = "fd00::1/64" } }
	x.a.addr:replace { dev = "eth0", addr = "10.8.0.1/24", valid = 100, preferred = 50 }
	x.a.addr:list { family = "inet" }
	x.a.addr:get "10.8.0.1/24"
	x.a.addr:settle(0)
	x.a.addr:delete { dev = "eth0", addr = "10.8.0.1/24" }
	x.a.addr:flush { dev = "eth0" }
end, { setup = two, undo = close })

case("route", function(x)
	x.a.route:add {
		{ dst = "default", via = "10.7.0.2" },
		{ dst = "10.9.0.0/16", nexthops = { { via = "10.7.0.2", weight = 2 }, { via = "10.7.0.3" } } },
	}
	x.a.route:replace { dst = "default", via = "10.7.0.9" }
	x.a.route:list()
	x.a.route:list { table = "all" }
	x.a.route:get "default"
	x.a.route:lookup "10.9.1.1"
	x.a.route:delete "default"
	x.a.route:flush()
end, { setup = two, undo = close })

-- Whatever there is: what is listed can be added again.
case("every collection", function(x)
	local list = {}
	for name in pairs(require "netns.core".collections) do
		list[#list + 1] = name
	end
	table.sort(list)
	for _, name in ipairs(list) do
		local of_links = { class = true, filter = true }
		local filter = of_links[name] and { dev = "eth0" } or nil
		x.a[name]:replace(x.a[name]:list(filter))
		tostring(x.a[name])
	end
end, { setup = two, undo = close, stride = 5 })

case("rules, neighbours, forwarding and queueing", function(x)
	x.a.rule:add { priority = 100, from = "10.7.0.0/16", table = 100 }
	x.a.rule:delete { priority = 100, from = "10.7.0.0/16", table = 100 }
	x.a.neigh:add { dev = "eth0", dst = "10.7.0.9", lladdr = "02:00:00:00:00:09", state = "permanent" }
	assert(x.a.neigh:get { dev = "eth0", dst = "10.7.0.9" })
	x.a.neigh:flush { dev = "eth0" }
	x.a.qdisc:add { dev = "eth0", kind = "pfifo", data = { limit = 17 } }
	x.a.qdisc:delete { dev = "eth0" }
	x.a.qdisc:add { dev = "eth0", kind = "ingress" }
	x.a.filter:add { dev = "eth0", parent = "ingress", kind = "u32", data = { src_ip = "10.0.0.0/8",
		match = { { at = 24, value = 1, mask = 1 } },
		actions = { { kind = "mirred", mode = "mirror", dev = "eth0" } } } }
	assert(x.a.filter:get({ dev = "eth0" }).data.actions)
	x.a.filter:flush { dev = "eth0" }
	x.a.qdisc:delete { dev = "eth0", kind = "ingress" }
end, { setup = two, undo = close, stride = 3 })

case("link kinds", function(x)
	x.a.link:add {
		{ name = "m0", kind = "macvlan", link = "eth0", data = { mode = "bridge" } },
		{ name = "v0", kind = "vxlan", data = { id = 7, ["local"] = "10.7.0.1", remote = "10.7.0.2" } },
	}
	x.a.link:list()
end, { setup = two, undo = close, stride = 3 })

case("a refusal of the kernel", function(x)
	refused(x.a.route.add, x.a.route, { dst = "10.9.0.0/16", via = "10.77.0.1" })
	refused(x.a.link.add, x.a.link, { name = "eth0", mtu = "x" })
end, { setup = two, undo = close })

case("link to a process's namespace", function(x)
	x.a.link:set { name = "eth0", rename = "eth1", netns = x.p.pid }
end, {
	setup = function()
		local x = two()
		x.p = x.b:spawn { "sleep", "100" }
		x.keep[3] = x.p
		return x
	end,
	undo = close,
})

-- 4. Processes

case("exec", function(x)
	x.ns:exec { "true" }
	x.ns:exec { "cat", stdin = "text", env = { A = "1", HOME = false }, cwd = "/" }
	x.ns:exec { "sh", "-c", "echo out; echo err >&2; exit 3", check = false, stderr = "null" }
end, { setup = one, undo = close })

case("exec that fails", function(x)
	refused(x.ns.exec, x.ns, { "sh", "-c", "echo why >&2; exit 3" })
	refused(x.ns.exec, x.ns, { "/no/such/program" })
	refused(x.ns.exec, x.ns, { "true", cwd = "/no/such/directory" })
end, { setup = one, undo = close })

case("exec with limits and capabilities", function(x)
	x.ns:exec {
		"true", no_new_privs = true, caps = {}, limits = { nofile = 100, core = { 0, "unlimited" } },
	}
	x.ns:exec { "true", caps = { "net_admin", "net_raw" } }
	refused(x.ns.exec, x.ns, { "true", user = "no such user" })
end, { setup = one, undo = close })

if enters then
	-- Where there is one user only it is refused, but never because there is no such user.
	case("exec as a user", function(x)
		local ok, err = pcall(x.ns.exec, x.ns, { "true", user = "nobody" })
		if type(err) == "string" then
			error(err, 0)
		end
		assert((ok and "done" or err.code) == x.expected, tostring(err))
	end, {
		setup = function()
			local x = one()
			local ok, err = pcall(x.ns.exec, x.ns, { "true", user = "nobody" })
			x.expected = ok and "done" or err.code
			return x
		end,
		undo = close,
	})
end

case("a filter of system calls", function(x)
	for _, seccomp in ipairs { "default", { "ptrace" } } do
		local ok, err = pcall(x.ns.exec, x.ns, { "true", seccomp = seccomp })
		if not ok and (type(err) == "string" or err.code ~= x.expected) then
			error(err, 0)
		end
	end
end, {
	setup = function()
		local x = one()
		local ok, err = pcall(x.ns.exec, x.ns, { "true", seccomp = { "mount" } })
		x.expected = not ok and err.code -- EOPNOTSUPP in a build without libseccomp
		return x
	end,
	undo = close,
	exits = 1,
})

case("a container", function(x)
	x.ns:exec {
		"true", unshare = { "pid", "user" }, hostname = "box", root = "overlay",
		readonly = { "/usr" }, masked = { "/root" },
	}
	local p <close> = x.ns:spawn { "cat", unshare = "all", stdin = true, root = { lower = "/" } }
	p:write "line\n"
	refused(x.ns.exec, x.ns, { "true", unshare = { "uts" }, root = "/no/such/directory" })
end, { setup = one, undo = close })

case("a terminal", function(x)
	local p <close> = x.ns:spawn { "cat", pty = { rows = 10, cols = 20, echo = false } }
	p:resize(20, 40)
	p:write "line\n"
	assert(p:expect "line")
	p:close_stdin()
	x.ns:exec { "true", pty = true }
end, { setup = one, undo = close })

-- Its supervisor goes with it, and is swept away by a later exec.
local function outlive(x)
	repeat
		x.ns:exec { "true" }
	until read(("/proc/self/task/%d/children"):format(here)) == ""
	close(x)
end

case("exec that leaves a daemon", function(x)
	x.ns:exec { "sh", "-c", "sleep 0.01 &", stdout = "null", stderr = "null" }
end, { setup = one, undo = outlive })

case("spawn", function(x)
	x.ns:spawn { "sleep", "100" }
end, { setup = one, undo = close })

case("spawn and wait", function(x)
	local p <close> = x.ns:spawn { "sh", "-c", "echo 1; echo 2", stdout = "capture", timeout = 100 }
	p:pollfd()
	p:events()
	p:timeout()
	netns.wait { p }
	return p:wait(), p.pid, tostring(p)
end, { setup = one, undo = close })

case("spawn, write, read and kill", function(x)
	local p <close> = x.ns:spawn { "cat", stdin = true, stdout = "capture", stderr = "capture" }
	p:write("one\ntwo\nthree\n")
	assert(p:expect("one") == "one")
	p:peek()
	p:more(0)
	p:take(1)
	p:read(0)
	p:close_stdin()
	for line in p:lines "stderr" do
		error(line)
	end
	p:kill "KILL"
end, { setup = one, undo = close })

case("listening", function(x)
	local p <close> = x.ns:spawn { "sleep", "100" }
	p:listening("tcp/80", 0)
end, { setup = one, undo = close })

-- 5. Probes

case("probe", function(x)
	local v = netns.probe {
		{ from = x.a, to = x.b },
		{ from = x.a, to = x.b, proto = "tcp", port = 80 },
		{ from = x.b, to = x.a, proto = "tcp", port = 81, listen = true },
		{ from = x.a, to = x.b, proto = "udp", port = 53, listen = true },
		{ from = x.a, to = "10.99.0.1" },
	}
	assert(v[1].verdict == "open", v[1].verdict)
end, {
	setup = function()
		local x = two()
		-- neighbours are known, so that no attempt waits for one
		assert(netns.probe { from = x.a, to = x.b }.verdict == "open")
		return x
	end,
	undo = close,
})

case("sysctl, many at once", function(x)
	local list = x.ns.sysctl:list "net.ipv4.conf.lo"
	x.ns.sysctl:set { list, { ["net.ipv4.ip_forward"] = 1 } }
	assert(x.ns.sysctl:get({ "net.ipv4.ip_forward", "net.nothing" })["net.ipv4.ip_forward"] == 1)
end, { setup = one, undo = close })

case("close_wait", function(x)
	local freed, why = netns.close_wait({ x.ns }, 0)
	assert(freed or why == "timeout")
end, { setup = one, undo = close })

case("sysctl", function(x)
	x.ns.sysctl["net.ipv4.ip_forward"] = 1
	assert(x.ns.sysctl["net.ipv4.ip_forward"] == 1)
	assert(x.ns.sysctl["net.nothing"] == nil)
	refused(function()
		x.ns.sysctl["net.ipv4.ip_forward"] = "x"
	end)
end, { setup = one, undo = close })

-- 6. The firewall

if enters and package.searchpath("netns.nft", package.cpath) then
	case("nft", function(x)
		local rules = "table ip t { chain c { type filter hook input priority 0; tcp dport $p drop; }; }"
		assert(x.ns.nft:check(rules, { p = { 22, 80 } }))
		x.ns.nft:run(rules, { p = { 22, 80 } })
		x.ns.nft:list()
		x.ns.nft:json()
		x.ns.nft:flush()
	end, { setup = one, undo = close, stride = 5, exits = 1 })

	case("nft that refuses", function(x)
		refused(x.ns.nft.run, x.ns.nft, "add rule inet none none accept")
	end, { setup = one, undo = close, exits = 1 })
end

-- 7. What is Lua alone

case("json", function()
	local json = require "netns.json"
	assert(json.decode(json.encode { a = { 1, 2, "x" }, b = true }).a[3] == "x")
end)

return cases
