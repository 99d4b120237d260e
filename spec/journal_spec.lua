-- SPDX-License-Identifier: MIT
-- journal_spec.lua - names of several programs: at once, killed, and beside those of ip netns

local lfs = require "lfs"
local netns = require "netns"
local strace = require "spec.strace"
local support = require "spec.support"

local JOURNAL = "/run/nslua-names"

local function entries(path)
	local list = {}
	if lfs.attributes(path) then
		for name in lfs.dir(path) do
			if name ~= "." and name ~= ".." then
				list[#list + 1] = name
			end
		end
	end
	table.sort(list)
	return list
end

-- A program of its own, which is told apart from us; nothing but its names is private to it.
local function program(code, ...)
	return { support.interpreter, "--host", "-", ..., stdin = code }
end

local function run(code, ...)
	local argv = program(code, ...)
	argv.check = false
	return netns.current():exec(argv)
end

local function ip(...)
	if not support.has "ip" then
		pending "ip (iproute2) is not installed"
	end
	return netns.current():exec { "ip", "netns", ... }
end

after_each(function()
	for _, name in ipairs(netns.list()) do
		netns.delete(name)
	end
	netns.prune()
	assert.same({}, entries(JOURNAL))
end)

describe("names of several programs", function()
	local worker = [[
		local netns = require "netns"
		local seed = tonumber(...)
		math.randomseed(seed)
		local names = { "a", "b", "c" }
		local made = 0
		repeat
			local name = names[math.random(#names)]
			local ok, ns = pcall(netns.add, name)
			if ok then
				made = made + 1
				assert(netns.open(name) == ns)
				netns.prune()
				assert(netns.open(name) == ns, "pruned while we live")
				netns.delete(name)
				ns:close()
			else
				assert(ns.code == "EEXIST", tostring(ns))
				netns.prune()
			end
		until made == 15
	]]
	local mortal = [[
		local netns = require "netns"
		local names = { "a", "b", "c" }
		for i = 1, 1000 do
			if pcall(netns.add, names[i % 3 + 1]) then
				os.execute "kill -9 $PPID"
			end
		end
	]]
	local foreign = [[
		made=0
		while [ $made != 15 ]; do
			if ip netns add a 2>/dev/null; then
				made=$((made + 1))
				ip netns exec a true || exit 1
				ip netns del a || exit 1
			fi
		done
	]]

	it("are each one program's, whoever else adds, deletes, prunes and dies", function()
		local programs = {}
		for i = 1, 6 do
			programs[i] = program(worker, tostring(i))
		end
		programs[7] = { "sh", "-c", support.has "ip" and foreign or "true" }
		local processes = {}
		for i, argv in ipairs(programs) do
			argv.stdout, argv.stderr = "capture", "capture"
			processes[i] = netns.current():spawn(argv)
		end
		local killed = 0
		repeat
			killed = killed + (run(mortal).signal == 9 and 1 or 0)
			netns.prune()
			local busy
			for _, p in ipairs(processes) do
				busy = busy or not p:wait(0)
			end
		until not busy
		for i, p in ipairs(processes) do
			local r = p:wait()
			assert.equal(0, r.code, programs[i][1] .. ": " .. r.stderr)
			p:close()
		end
		assert.is_true(killed > 0)
		-- the shells that killed may still have to be waited for; a later exec does that
		support.eventually(function()
			netns.current():exec { "true" }
			return support.read "/proc/thread-self/children" == ""
		end)
		netns.prune()
		assert.same({}, netns.list())
		assert.same({}, entries(JOURNAL))
	end)

	it("are pruned by what they are, not by the number of an inode", function()
		-- an inode's number passes on soon after the namespace has gone
		local reused = false
		for _ = 1, 20 do
			local r = run [[print(require "netns".add("passed").inode)]]
			ip("delete", "passed")
			for _ = 1, 50 do
				ip("add", "passed")
				local ns <close> = netns.open "passed"
				reused = ns.inode == tonumber(r.stdout)
				if reused then
					break
				end
				ip("delete", "passed")
			end
			if reused then
				break
			end
		end
		if not reused then
			pending "no number was used again"
		end
		assert.same({}, netns.prune())
		assert.same({ "passed" }, netns.list())
	end)

	it("do not take the file that ip netns has just made for what a killed program left", function()
		local r = run [[require "netns".add "half"]]
		assert.equal(0, r.code)
		ip("delete", "half")
		io.open("/run/netns/half", "w"):close()
		os.execute "chmod 0 /run/netns/half"
		assert.same({}, netns.prune())
		assert.same({ "half" }, netns.list())
	end)

	it("wait for who has the lock, and Ctrl-C ends that", function()
		if not support.has "flock" then
			pending "flock (util-linux) is not installed"
		end
		assert.equal(0, run([[local n = require "netns" n.add "x" n.delete "x"]]).code)
		local holder <close> = netns.current():spawn {
			"flock", JOURNAL, "sh", "-c", "echo held; read x", stdin = true, stdout = "capture",
		}
		holder:expect("held", 10)
		local waiting = program [[
			print "go"
			io.stdout:flush()
			require "netns".add "x"
		]]
		waiting.stdout, waiting.stderr = "capture", "capture"
		local p <close> = netns.current():spawn(waiting)
		p:expect("go", 10)
		netns.sleep(0.05)
		assert.is_nil(p:wait(0))
		p:kill "INT"
		local r = p:wait(10)
		assert.equal(1, r.code)
		assert.matches("interrupted!", r.stderr)
		waiting.stdin = [[
			print "go"
			io.stdout:flush()
			require "netns".add "x"
			require "netns".delete "x"
			]]
		local q <close> = netns.current():spawn(waiting)
		q:expect("go", 10)
		holder:write "\n"
		assert.equal(0, q:wait(10).code)
	end)
end)

describe("a program killed at any system call", function()
	-- Kill it at each of its points; what is left must be what prune() removes, and nothing else.
	local function sweep(code, prepare)
		local why = strace.missing()
		if why then
			pending(why)
		end
		local theirs <close> = netns.add "theirs"
		local command = program(strace.marks .. code)
		prepare()
		local points = strace.points(command)
		netns.prune()
		assert.is_true(#points > 5)
		for _, point in ipairs(points) do
			prepare()
			local r = strace.inject(command, point, "signal=SIGKILL")
			local at = point.call .. " " .. point.n
			assert.equal(9, r.signal, at .. ": " .. r.stderr)
			netns.prune()
			assert.same({ "theirs" }, netns.list(), at)
			assert.same({ "theirs" }, entries(JOURNAL), at)
			assert.is_true(netns.open "theirs" == theirs, at)
		end
		netns.delete "theirs"
	end

	it("of netns.add leaves nothing that prune() does not remove", function()
		sweep([[
			local netns = require "netns"
			trace_from()
			netns.add "ours"
			trace_to()
		]], function() end)
	end)

	it("of netns.delete likewise", function()
		sweep([[
			local netns = require "netns"
			trace_from()
			netns.delete "ours"
			trace_to()
		]], function()
			assert.equal(0, run([[require "netns".add "ours"]]).code)
		end)
	end)

	it("of netns.prune likewise", function()
		sweep([[
			local netns = require "netns"
			trace_from()
			netns.prune()
			trace_to()
		]], function()
			assert.equal(0, run([[require "netns".add "ours"]]).code)
		end)
	end)
end)
