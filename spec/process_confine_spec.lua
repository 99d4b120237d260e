-- SPDX-License-Identifier: MIT
-- process_confine_spec.lua - what a program may do less than we: limits, caps, no_new_privs, user
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local refused, read = support.refused, support.read
local soon = 5

local knows_users = support.knows_users
local only_root = "the user namespace maps one user only"

local function status(text)
	local fields = {}
	for key, value in text:gmatch("(%w+):[ \t]*([^\n]*)") do
		fields[key] = value:gsub("%s+$", "")
	end
	return fields
end

local function sets(fields)
	return fields.CapPrm, fields.CapEff, fields.CapInh, fields.CapBnd, fields.CapAmb
end

describe("a process", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
	end)

	local function status_of(spec)
		spec[1], spec[2] = "cat", "/proc/self/status"
		return status(ns:exec(spec).stdout)
	end

	-- What an interpreter prints that is started with `spec` and runs `script`, which has `here`.
	local function inner(script, spec)
		for _, word in ipairs {
			support.interpreter, "--host", "-e", "local here = require 'netns'.current()\n" .. script,
		} do
			table.insert(spec, word)
		end
		spec.env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false }
		return ns:exec(spec).stdout
	end

	local function limits_of(limits)
		local found = {}
		local text = ns:exec { "cat", "/proc/self/limits", limits = limits }.stdout
		for name, soft, hard in text:gmatch("Max ([%l ]-)%s%s+(%w+)%s+(%w+)") do
			found[name] = soft .. " " .. hard
		end
		return found
	end

	describe("has limits", function()
		it("under the names of prlimit(1)", function()
			local usual = limits_of(nil)
			local names = {
				as = "address space", core = "core file size", cpu = "cpu time",
				data = "data size", fsize = "file size", locks = "file locks",
				memlock = "locked memory", msgqueue = "msgqueue size", nofile = "open files",
				nproc = "processes", rss = "resident set", sigpending = "pending signals",
				stack = "stack size", rttime = "realtime timeout",
			}
			for name, called in pairs(names) do
				local hard = usual[called]:match("%w+$")
				local soft = math.min(tonumber(hard) or math.huge, 1 << 27) - 1
				hard, soft = tonumber(hard) or hard, math.tointeger(soft)
				local found = limits_of { [name] = { soft, hard } }
				assert.equal(soft .. " " .. hard, found[called], name)
				found[called] = usual[called]
				assert.same(usual, found)
			end
		end)

		it("that are soft and hard, one for both, or none", function()
			local found = limits_of { nofile = { 50, 60 }, cpu = 7, core = { 0, 0 } }
			assert.equal("50 60", found["open files"])
			assert.equal("7 7", found["cpu time"])
			assert.equal("0 0", found["core file size"])
		end)

		it("that hold", function()
			local open = { "sh", "-c", "exec 3</dev/null 4</dev/null", check = false }
			assert.equal(0, ns:exec(open).code)
			open.limits = { nofile = 4 }
			assert.not_equal(0, ns:exec(open).code)
			local file <close> = io.tmpfile()
			local r = ns:exec { "head", "-c", "2000", "/dev/zero", limits = { fsize = 1000 },
				stdout = file, check = false }
			assert.equal(25, r.signal)
			r = ns:exec { "sh", "-c", "while :; do :; done", limits = { cpu = 1 }, check = false }
			assert.equal(9, r.signal)
		end)

		it("that leave ours alone", function()
			local before = read("/proc/self/limits")
			ns:exec { "true", limits = { nofile = 10, core = 0 } }
			assert.equal(before, read("/proc/self/limits"))
		end)

		it("which are checked first", function()
			for _, case in ipairs {
				{ "limits", { nofiles = 1 } }, { "limits", { 64 } },
				{ "limits.nofile", { nofile = -1 } }, { "limits.nofile", { nofile = 1.5 } },
				{ "limits.nofile", { nofile = "64" } }, { "limits.nofile", { nofile = {} } },
				{ "limits.nofile", { nofile = { 1, 2, 3 } } },
				{ "limits.nofile", { nofile = { 2, 1 } } },
				{ "limits.nofile", { nofile = { 1, "more" } } }, { "limits.cpu", { cpu = true } },
			} do
				refused("EINVAL", case[1], ns.exec, ns, { "true", limits = case[2] })
			end
			refused("EINVAL", "limits", ns.exec, ns, { "true", limits = 64 })
		end)

		it("of which a refused one is named", function()
			local err = refused("EPERM", "limits", ns.exec, ns,
				{ "true", limits = { core = 0, nofile = 1 << 40 } })
			assert.truthy(err.message:find("nofile", 1, true))
			assert.truthy(err.hint)
		end)
	end)

	describe("has exactly the capabilities", function()
		it("that it shall keep", function()
			for _, case in ipairs {
				{ {}, 0 },
				{ { "net_admin", "CAP_NET_RAW" }, 1 << 12 | 1 << 13 },
				{ { "chown", "cap_kill", "Sys_Admin" }, 1 | 1 << 5 | 1 << 21 },
			} do
				local want = ("%016x"):format(case[2])
				local fields = status_of { caps = case[1] }
				assert.same({ want, want, want, want, want }, { sets(fields) })
			end
		end)

		it("and so may do no more", function()
			local add = { "ip", "link", "add", "one", "type", "veth", "peer", "two", check = false }
			add.caps = { "net_raw" }
			assert.not_equal(0, ns:exec(add).code)
			assert.is_nil(ns.link:get("one"))
			add.caps = { "net_admin" }
			assert.equal(0, ns:exec(add).code)
			assert.truthy(ns.link:get("one"))
		end)

		it("and we have ours", function()
			local before = { sets(status(read("/proc/self/status"))) }
			ns:exec { "true", caps = {} }
			ns:spawn({ "true", caps = {} }):close()
			assert.same(before, { sets(status(read("/proc/self/status"))) })
		end)

		it("which are checked first", function()
			for _, caps in ipairs {
				{ "net" }, { "" }, { 12 }, { net_admin = true }, { [2] = "kill" },
			} do
				refused("EINVAL", "caps", ns.exec, ns, { "true", caps = caps })
			end
			refused("EINVAL", "caps", ns.exec, ns, { "true", caps = "net_admin" })
		end)

		it("unless we have them not", function()
			local said = inner([[
				print(pcall(here.exec, here, { "true", caps = { "net_raw" } }))
			]], { caps = { "sys_admin", "sys_chroot" } })
			assert.truthy(said:find("EPERM.*field 'caps'"), said)
		end)
	end)

	it("gains no privileges with no_new_privs", function()
		assert.equal("0", status_of({}).NoNewPrivs)
		assert.equal("0", status_of({ no_new_privs = false }).NoNewPrivs)
		assert.equal("1", status_of({ no_new_privs = true }).NoNewPrivs)
		assert.equal("0", status(read("/proc/self/status")).NoNewPrivs)
		refused("EINVAL", "no_new_privs", ns.exec, ns, { "true", no_new_privs = 1 })
	end)

	describe("runs as a user", function()
		local function id(user, caps)
			local fields = status_of { user = user, caps = caps }
			assert.equal(fields.Uid:match("^%d+"):rep(4, "\t"), fields.Uid)
			assert.equal(fields.Gid:match("^%d+"):rep(4, "\t"), fields.Gid)
			return { fields.Uid:match("^%d+"), fields.Gid:match("^%d+"), fields.Groups }, fields
		end

		it("by number, by name, and with a group", function()
			if not knows_users then
				pending(only_root)
				return
			end
			local nobody, nogroup = read("/etc/passwd"):match("\nnobody:[^:]*:(%d+):(%d+)")
			local tty = read("/etc/group"):match("\ntty:[^:]*:(%d+)")
			assert.same({ nobody, nogroup, "" }, (id("nobody")))
			assert.same({ nobody, nogroup, "" }, (id(tonumber(nobody))))
			assert.same({ "54321", "54321", "" }, (id(54321)))
			assert.same({ "54321", "54321", "" }, (id("54321")))
			assert.same({ "54321", "54322", "" }, (id("54321:54322")))
			assert.same({ nobody, tty, "" }, (id("nobody:tty")))
		end)

		it("that has no capabilities but those it keeps", function()
			if not knows_users then
				pending(only_root)
				return
			end
			local _, fields = id(54321)
			local none = ("0"):rep(16)
			assert.same({ none, none, none, none }, { fields.CapPrm, fields.CapEff, fields.CapInh,
				fields.CapAmb })
			_, fields = id(54321, { "net_raw" })
			local raw = ("%016x"):format(1 << 13)
			assert.same({ raw, raw, raw, raw, raw }, { sets(fields) })
		end)

		it("with that user's groups, and none of ours", function()
			if not knows_users or read("/proc/1/comm") ~= "nslua-init\n" then
				pending(knows_users and "not in a sandbox: /etc is the machine's" or only_root)
				return
			end
			local name = os.tmpname()
			local file = assert(io.open(name, "w"))
			file:write("root:x:0:\nfirst:x:4001:daemon,nobody\nsecond:x:4002:nobody\nthird:x:4003:bin\n")
			file:close()
			assert.is_true(os.execute("mount --bind " .. name .. " /etc/group"))
			finally(function()
				os.execute("umount /etc/group")
				os.remove(name)
			end)
			assert.equal("4001 4002", id("nobody")[3])
			assert.equal("54321\n", inner([[
				io.write(here:exec { "id", "-G", user = 54321 }.stdout)
			]], { "setpriv", "--groups", "4001,4003" }))
		end)

		it("that we are already", function()
			assert.equal("0", id(0)[1])
			assert.equal("0", id("root")[1])
		end)

		it("while this interpreter stays who it is, and open to a debugger", function()
			if not knows_users then
				pending(only_root)
				return
			end
			-- /proc/PID of an undumpable process belongs to root, so an interpreter that is not root's
			-- shows what became of it
			local said = inner([[
				local lfs = require "lfs"
				local before = lfs.attributes("/proc/self/environ", "uid")
				here:exec { "true", user = 54322 }
				local p = here:spawn { "true", user = 54322 }
				p:wait()
				p:close()
				print(before, lfs.attributes("/proc/self/environ", "uid"))
			]], { user = "54321:54321", caps = {
				"setuid", "setgid", "sys_admin", "sys_chroot", "dac_read_search",
			} })
			assert.equal("54321\t54321\n", said)
		end)

		it("and is closed with what descends from it", function()
			if not knows_users then
				pending(only_root)
				return
			end
			local p = ns:spawn { "sh", "-c", "(setsid sleep 1000 &); echo ready; exec sleep 1000",
				user = 54321, stdout = "capture" }
			assert.equal("ready\n", p:expect("ready\n", soon))
			p:close()
			assert.same({}, ns:pids())
		end)

		it("and dies with what watches over it: a change of user clears the death signal", function()
			if not knows_users then
				pending(only_root)
				return
			end
			local p <close> = ns:spawn { "sleep", "1000", user = 54321 }
			local parent = read("/proc/" .. p.pid .. "/stat"):match("%) %a (%d+)")
			assert.equal("netns-reaper\n", read("/proc/" .. parent .. "/comm"))
			os.execute("kill -KILL " .. parent)
			refused("ECHILD", nil, p.wait, p, soon)
			assert.is_true(support.eventually(function()
				return #ns:pids() == 0
			end))
		end)

		it("and cannot be looked into until it is executed", function()
			if not support.knows_users or not support.has "perl" then
				pending(support.knows_users and "perl is not installed" or only_root)
				return
			end
			-- Who has a lease on a file holds everybody up that opens it for something else: so the child
			-- stands still in execve(), after all that it has to do before.
			local name = os.tmpname()
			finally(function()
				os.remove(name)
			end)
			os.execute("cp /bin/true " .. name .. " && chmod 755 " .. name)
			local holder <close> = ns:spawn { "perl", "-e", [[
				$SIG{IO} = sub { print "asked\n"; };
				open(my $f, "+<", $ARGV[0]) or die "open: $!";
				fcntl($f, 1024, 1) or die "no lease: $!";
				$| = 1; print "held\n"; sleep 1000 while 1;
			]], name, stdout = "capture", stderr = "stdout" }
			assert.truthy(holder:expect("held\n", soon))
			local runner <close> = ns:spawn {
				support.interpreter, "--host", "-e",
				("require 'netns'.current():exec { %q, user = 54321 }"):format(name),
				env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false },
			}
			assert.truthy(holder:expect("asked\n", soon))
			local owner
			for _, pid in ipairs(ns:pids()) do
				local uid = read("/proc/" .. pid .. "/status"):match("\nUid:\t(%d+)")
				owner = uid == "54321" and lfs.attributes("/proc/" .. pid .. "/environ", "uid") or owner
			end
			-- what belongs to root in /proc is closed to that user
			assert.equal(0, owner)
			holder:close()
			assert.equal(0, runner:wait(soon).code)
		end)

		it("which is checked first", function()
			for _, user in ipairs {
				"", "no such user", ":", "root:", "root:no such group", "a:b:c", -1, 1.5, 1 << 32,
				(1 << 32) - 1, "4294967295", "a\0b", {}, true,
			} do
				refused("EINVAL", "user", ns.exec, ns, { "true", user = user })
			end
		end)

		it("or says why not", function()
			if knows_users then
				pending("the user namespace maps them all")
				return
			end
			local err = refused("EPERM", "user", ns.exec, ns, { "true", user = 54321 })
			assert.truthy(err.hint)
		end)
	end)

	it("that is confined gets no other descriptor, and fails with its step", function()
		local options = {
			{ caps = {} }, { limits = { nofile = 10 } }, { no_new_privs = true }, { user = 0 },
		}
		local file <close> = io.open("/etc/passwd")
		assert.truthy(file)
		for _, spec in ipairs(options) do
			spec[1], spec[2] = "ls", "/proc/self/fd"
			assert.equal("0\n1\n2\n3\n", ns:exec(spec).stdout)
			spec.stdout = "capture"
			local p <close> = ns:spawn(spec)
			assert.equal("0\n1\n2\n3\n", p:wait(soon).stdout)
			spec[1] = "no-such-program"
			refused("ENOENT", nil, ns.exec, ns, spec)
			refused("ENOENT", nil, ns.spawn, ns, spec)
		end
	end)
end)
