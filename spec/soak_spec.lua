-- SPDX-License-Identifier: MIT
-- soak_spec.lua - kills and faults at every system call: nothing is left, and nothing hangs
--
-- A few of each in the suite. SOAK=1 (make soak) tries all of them and says how many; SOAK_KILLS,
-- SOAK_INSTANTS, SOAK_FAULTS and SOAK_BUILDS set how many, 0 for every one.

local hosts = require "spec.hosts.users"
local lfs = require "lfs"
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"

local soak = os.getenv "SOAK"
local quote = scratch.quote
local dir

-- How many of something that is tried `short` times in the suite, and `long` times in a soak.
local function amount(name, short, long)
	return tonumber(os.getenv("SOAK_" .. name)) or (soak and long or short)
end

-- n numbers of 1 to max, spread evenly from a random start; all of them for n = 0.
local function spread(n, max)
	local list = {}
	if n == 0 or n >= max then
		n = max
	end
	local step = max / n
	local at = math.random() * step
	for i = 1, n do
		list[i] = math.min(math.floor(at) + 1, max)
		at = at + step
	end
	return list
end

local function say(...)
	if soak then
		print("\n" .. string.format(...))
	end
end

--
-- What is left
--

local function each_file(path, f)
	for name in lfs.dir(path) do
		if name ~= "." and name ~= ".." then
			local file = path .. "/" .. name
			f(file)
			if lfs.symlinkattributes(file, "mode") == "directory" then
				each_file(file, f)
			end
		end
	end
end

-- Processes, also dead ones that nobody waited for, mounts, files and links.
local function state()
	local found = {}
	for pid in lfs.dir "/proc" do
		local stat = pid:find "^%d" and support.read("/proc/" .. pid .. "/stat")
		if stat then
			found["process " .. stat:match "^%d+ %b()"] = true
		end
	end
	for line in io.lines "/proc/self/mountinfo" do
		found["mount " .. line] = true
	end
	each_file("/run", function(file)
		found["file " .. file] = true
	end)
	for name in support.read "/proc/self/net/dev":gmatch "([^%s:]+):" do
		found["link " .. name] = true
	end
	return found
end

local function left(before)
	local list = {}
	for what in pairs(state()) do
		if not before[what] then
			list[#list + 1] = what
		end
	end
	table.sort(list)
	return list
end

-- How long it takes until nothing is left; fails if that does not come.
local delays = {}

local function clean(before, when)
	local start, list = netns.clock(), nil
	local gone = support.eventually(function()
		list = left(before)
		return #list == 0
	end)
	assert.is_true(gone, when .. "\n\t" .. table.concat(list, "\n\t"))
	delays[#delays + 1] = netns.clock() - start
end

local function say_delays(what)
	table.sort(delays)
	if #delays > 0 then
		say("%s: %d, nothing left after %.1f ms (half of them), %.1f ms (99 of 100), %.1f ms (all)", what,
			#delays, delays[(#delays + 1) // 2] * 1e3, delays[math.ceil(#delays * 0.99)] * 1e3,
			delays[#delays] * 1e3)
	end
	delays = {}
end

-- A small network, with programs that resist: one ignores signals, one is stopped, one is a daemon
-- that has left its parents and their session. Names are had with privilege only.
local network = [[
	local netns = require "netns"
	require "netns.sysctl"
	io.open "/meddle/from"
	do
		local a <close> = netns.new()
		local b <close> = NAMED and netns.add "b" or netns.new()
		a.link:add {
			name = "eth0", kind = "veth", up = true, peer = { name = "eth0", netns = b, up = true },
		}
		a.addr:add { dev = "eth0", addr = "10.0.0.1/24" }
		a.route:add { dst = "default", via = "10.0.0.2" }
		assert(#a.link:list() == 2 and a.addr:list()[1] and a.sysctl["net.ipv4.ip_forward"] == 0)
		local deaf <close> = a:spawn { "sh", "-c", "trap '' TERM HUP INT; sleep 1000" }
		local stopped <close> = b:spawn { "sh", "-c", "kill -STOP $$; sleep 1000" }
		b:exec { "sh", "-c", "setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 &" }
		local apart <close> = a:spawn {
			"sh", "-c", "sleep 1000 & sleep 1000", unshare = { "pid", "mount", "user" },
		}
		local cat <close> = a:spawn { "cat", stdin = true, stdout = "capture" }
		cat:write "x\n"
		cat:expect("x", 3)
		while FOREVER do
			netns.sleep(0.001)
		end
		if NAMED then
			b:call(function() end)
			b:delete()
		end
	end
	print "built"
]]

-- A lab, with a daemon that resists, and a look at who reaches whom; with a filter for kills only:
-- libnftables itself ends the program at some faults.
local lab = [[
	-- what would be loaded on the way
	for name in ("addr files lab.build lab.features process proof.check supports"):gmatch "%S+" do
		require("netns." .. name)
	end
	local filters = FILTERED and require "netns".supports "nft"
	local drop = "table inet t { chain in { type filter hook input priority 0; tcp dport 22 drop; }; }"
	local lab <close> = require "netns.lab".new "soak"
	local web, lan = lab:host "web", lab:switch "lan"
	local db = lab:host("db", { nft = filters and drop or nil })
	lab:link(web, lan)
	lab:link(db, lan, { rate = "100mbit" })
	io.open "/meddle/from"
	lab:up()
	db:spawn { "sh", "-c", "trap '' TERM HUP INT; sleep 1000" }
	lab:check { { web, db, "icmp", "open" }, { web, db, "tcp/22", filters and "isolated" or "open" } }
	print "built"
]]

setup(function()
	dir = scratch.new()
	dir:write("lab.lua", lab)
	dir:write("filtered.lua", "FILTERED = true\n" .. lab)
	for name, globals in pairs {
		["named.lua"] = "NAMED = true";
		["named_forever.lua"] = "NAMED, FOREVER = true, true";
		["network.lua"] = "";
		["network_forever.lua"] = "FOREVER = true";
	} do
		dir:write(name, globals .. "\n" .. network)
	end
	os.execute("chmod -R a+rX " .. quote(dir.path))
	local seed = tonumber(os.getenv "SPEC_SEED") or os.time()
	math.randomseed(seed)
	say("seed %d", seed)
	hosts.setup()
end)

teardown(function()
	hosts.teardown()
	dir:remove()
end)

-- Run a command of sh; its exit code, what it printed.
local function sh(command)
	local _, _, code = os.execute(("cd %s && { %s; } >out 2>&1"):format(quote(dir.path), command))
	return code, dir:read "out"
end

-- The command in sh's words that runs a script in lua5.4 as a user.
local function plain(user, script)
	local argv, words = hosts.command(user, "lua5.4", ""), { "env" }
	for name, value in pairs(argv.env) do
		words[#words + 1] = name .. "=" .. value
	end
	table.move(argv, 1, #argv - 1, #words + 1, words)
	words[#words + 1] = dir.path .. "/" .. script
	for i, word in ipairs(words) do
		words[i] = quote(word)
	end
	return table.concat(words, " ")
end

local nslua = quote(support.interpreter) .. " named.lua"
local forever = quote(support.interpreter) .. " named_forever.lua"
local lab_there = quote(support.interpreter) .. " lab.lua"
local filtered = quote(support.interpreter) .. " filtered.lua"

-- Run it, with something happening at one of its system calls; the exit code, what it printed.
-- Under ASan, leaks cannot be looked for in a process that is traced.
local asan = os.getenv "ASAN_OPTIONS"
local untraceable = asan and "export ASAN_OPTIONS=" .. quote(asan .. ":detect_leaks=0") .. ";" or ""

-- What takes much longer than undisturbed hangs.
local limit = 5

local function meddle(what, at, command, from)
	return sh(("%s %s timeout -k 1 %d %s %s %d %s"):format(untraceable,
		from and "MEDDLE_FROM=" .. from or "", limit, support.host "meddle", what, at, command))
end

-- How many calls there are, and how many of them can fail with which errno.
local function count(command, from)
	limit = 100
	local start = netns.clock()
	local code, out = meddle("first", 0, command, from)
	limit = math.max(5, math.ceil(20 * (netns.clock() - start)))
	if code == 2 then
		pending("processes cannot be traced here: " .. out)
	end
	assert.equal(0, code, out)
	local list, calls = {}, out:match "meddle: (%d+) calls, [^\n]+\n$"
	for name, n in out:match "[^\n]*\n$":gmatch "(E%u+) (%d+)" do
		list[#list + 1] = { name = name, n = tonumber(n) }
	end
	return tonumber(calls), list
end

describe("nothing is left", function()
	local function killed(name, who, n, command, victim)
		local total = count(command)
		local before = state()
		for _, at in ipairs(spread(n, total)) do
			local code, out = meddle(who, at, victim or command)
			assert.not_equal(124, code, ("hangs, %s killed at call %d\n%s"):format(who, at, out))
			netns.prune()
			clean(before, ("%s killed at call %d of %d"):format(who, at, total))
		end
		say_delays(("%s, %s killed at one of %d calls"):format(name, who, total))
	end

	it("of nslua killed at any system call of it and all that it starts", function()
		killed("nslua", "first", amount("KILLS", 8, 0), nslua, forever)
	end)

	it("of a lab whose nslua is killed at any system call", function()
		killed("a lab", "first", amount("KILLS", 4, 0), filtered)
	end)

	it("of nslua when anything of it is killed at any system call", function()
		killed("nslua", "caller", amount("KILLS", 6, 0), nslua)
	end)

	it("of nslua killed at any instant", function()
		local before, start = state(), netns.clock()
		sh(nslua)
		local took = netns.clock() - start
		for _ = 1, amount("INSTANTS", 6, 1000) do
			local delay = took * 1.2 * math.random()
			sh(("%s & sleep %.4f; kill -9 $!; wait $!"):format(forever, delay))
			clean(before, "killed after " .. delay .. " s")
		end
		say_delays "nslua killed at a random instant"
	end)

	hosts.each_user("of a lua5.4 that is killed at any system call", function(user)
		killed("lua5.4 " .. user.name, "first", amount("KILLS", 3, 0), plain(user, "network.lua"),
			plain(user, "network_forever.lua"))
	end)
end)

describe("a fault at a system call ends in success or in an error, and leaves nothing:", function()
	-- No way back out of a foreign namespace is the one reason to abort; ASan has another.
	local aborts = {
		"cannot return to the caller's network namespace; ending the process\n",
		"AddressSanitizer: allocator is out of memory",
	}

	local function is_well(code, out)
		if code == 0 then
			return out:find "built\n"
		elseif code == 1 then
			return out:find "%(E%u+%)" or out:find "not enough memory"
		end
		return out:find(aborts[1], 1, true) or out:find(aborts[2], 1, true)
	end

	local function tried(name, n, command, from)
		local coped = 0
		local before = state()
		local _, faults = count(command, from)
		assert.equal(5, #faults)
		for _, fault in ipairs(faults) do
			assert.is_true(fault.n > 0)
			for _, at in ipairs(spread(amount("FAULTS", n, 0), fault.n)) do
				local code, out = meddle(fault.name, at, command, from)
				local what = ("%s at %d of %d: code %d\n%s"):format(fault.name, at, fault.n, code, out)
				assert.is_truthy(is_well(code, out), what)
				coped = coped + (code == 0 and 1 or 0)
				netns.prune()
				clean(before, what)
			end
		end
		say_delays(("%s, faults at a call, %d of them without effect"):format(name, coped))
	end

	it("of nslua making its sandbox", function()
		tried("nslua's sandbox", 2, quote(support.interpreter) .. " -e 'print \"built\"'")
	end)

	it("of nslua building a network", function()
		tried("nslua", 2, nslua, "/meddle/from")
	end)

	it("of nslua building a lab", function()
		tried("a lab", 1, lab_there, "/meddle/from")
	end)

	hosts.each_user("of lua5.4 building a network", function(user)
		tried("lua5.4 " .. user.name, 1, plain(user, "network.lua"), "/meddle/from")
	end)
end)

describe("in a user namespace with one namespace more than it needs", function()
	-- `all`: the namespaces of the sandbox and of what is built in it, and one.
	local function built(name, script, all)
		dir:write("builds.sh", [[
			echo $3 >/proc/sys/user/max_net_namespaces
			echo 2 >/proc/sys/user/max_pid_namespaces
			for i in $(seq $1); do
				"$2" $4 || exit 1
				"$2" $4 & pid=$!
				sleep 0.0$((i * 7919 % 30 + 10))
				kill -9 $pid
				wait $pid
			done
			echo all $i
		]])
		local n = amount("BUILDS", 2, 1000)
		local code, out = sh(("unshare --user --map-root-user sh builds.sh %d %s %d %s"):format(n,
			quote(support.interpreter), all, script))
		assert.equal(0, code, out)
		assert.matches("\nall " .. n .. "\n$", out)
		say("%s: %d builds, and as many killed", name, n)
	end

	it("a network can be built over and over, and be killed in between", function()
		built("nslua", "named.lua", 4)
	end)

	it("so can a lab", function()
		built("a lab", "lab.lua", 5)
	end)
end)
