-- SPDX-License-Identifier: MIT
-- embed_spec.lua - `require "netns"` in a plain lua5.4, with privilege and without

local hosts = require "spec.hosts.users"
local netns = require "netns"
local support = require "spec.support"

local each_user, run, succeeds = hosts.each_user, hosts.run, hosts.succeeds

setup(hosts.setup)
teardown(hosts.teardown)

describe("require 'netns' in lua5.4:", function()
	each_user("links, programs and probes work", function(user)
		succeeds(user, "lua5.4", [[
			local netns = require "netns"
			local a <close> = netns.new()
			local b <close> = netns.new()
			a.link:add {
				name = "eth0", kind = "veth", up = true,
				peer = { name = "eth0", netns = b, up = true },
			}
			a.addr:add { { dev = "eth0", addr = "10.0.0.1/24" }, { dev = "eth0", addr = "10.9.0.1/24" } }
			b.addr:add { dev = "eth0", addr = "10.0.0.2/24" }
			b.route:add { dst = "default", via = "10.0.0.1" }
			assert(#b.route:list { family = "inet" } == 2 and b.route:lookup("10.9.9.9").via)
			assert(a.link:get("eth0").up and not pcall(a.link.add, a.link, { name = "eth0" }))

			local r = a:exec {
				"sh", "-c", "cat; pwd; ls -I bonding_masters /sys/class/net; echo $MARK; exit 3",
				stdin = "input\n", cwd = "/usr", env = { MARK = "mark" }, check = false,
			}
			assert(r.code == 3 and r.stdout == "input\n/usr\neth0\nlo\nmark\n", r.stdout .. r.stderr)
			assert(a:exec({ "ip", "-br", "addr" }).stdout:find "10.9.0.1/24")
			local ok, err = pcall(a.exec, a, { "/no/such/program" })
			assert(not ok and err.code == "ENOENT", tostring(err))

			local p <close> = a:spawn { "sh", "-c", "read x; echo got $x; exec sleep 100",
				stdin = true, stdout = "capture" }
			p:write "it\n"
			assert(p:expect("got (%w+)", 10) == "it")
			local same <close> = netns.open(p.pid)
			assert(same == a and #same.link:list() == 2 and a:pids()[1])
			assert(same:exec({ "ls", "-I", "bonding_masters", "/sys/class/net" }).stdout == "eth0\nlo\n")
			p:kill()
			assert(p:wait(10).signal == 15)

			local v = netns.probe {
				{ from = a, to = b },
				{ from = a, to = b, proto = "tcp", port = 80 },
				{ from = b, to = a, proto = "tcp", port = 80, listen = true },
				{ from = b, to = a, proto = "udp", port = 53, listen = true },
				{ from = b, to = "10.9.0.1", proto = "tcp", port = 1 },
			}
			for i, verdict in ipairs { "open", "refused", "open", "open", "refused" } do
				assert(v[i].verdict == verdict, i .. " " .. v[i].verdict .. ": " .. v[i].why)
			end
		]])
	end)

	each_user("labs work", function(user)
		succeeds(user, "lua5.4", [[
			local net <close> = require "netns.lab".star(24):up() -- some are made ahead
			net:expect { { "h1", { "h2", "h4" }, { "icmp", "tcp/80" }, "open" } }
		]])
	end)

	each_user("ns:call, ns.nft and names work with privilege only, and say so", function(user)
		local out = succeeds(user, "lua5.4", [[
			local netns = require "netns"
			local ns <close> = netns.new()
			local function try(f, ...)
				local ok, err = pcall(f, ...)
				print(ok, ok or err.code .. " " .. tostring(err.hint):match "nslua")
			end
			try(ns.call, ns, function() end)
			try(function() ns.nft:list() end)
			try(function() netns.add "embedded":delete() end)
			-- where we are ourselves we may always be
			print(#netns.current().link:list() > 0, netns.current():call(function() return 7 end),
				netns.current():exec({ "echo", "here" }).stdout)
		]])
		local nft = not user.may or pcall(require, "netns.nft")
		local expected = user.may and "true\ttrue\n" or "false\tEPERM nslua\n"
		if nft then
			assert.equal(expected:rep(3) .. "true\t7\there\n\n", out)
		else
			assert.equal(expected, out:match "^[^\n]*\n")
		end
	end)

	each_user("the host program is neither moved nor changed", function(user)
		succeeds(user, "lua5.4", [[
			local lfs = require "lfs"
			local function state()
				local list = { lfs.currentdir() }
				for name in lfs.dir "/proc/thread-self/ns" do
					list[#list + 1] = lfs.symlinkattributes("/proc/thread-self/ns/" .. name, "target")
				end
				for line in io.lines "/proc/thread-self/status" do
					local key = line:match "^%w+"
					if ("SigPnd SigBlk SigIgn SigCgt ShdPnd CapInh CapPrm CapEff CapBnd CapAmb Uid Gid Groups "
						.. "Seccomp Threads NoNewPrivs Umask "):find(key .. " ", 1, true) then
						list[#list + 1] = line
					end
				end
				-- 0 when the process is not dumpable any more
				list[#list + 1] = lfs.attributes("/proc/self/environ", "uid")
				return table.concat(list, "\n")
			end
			local before = state()
			local netns = require "netns"
			local ns <close> = netns.new()
			ns.link:set { name = "lo", up = true }
			ns:exec { "true" }
			local p <close> = ns:spawn { "sleep", "100" }
			netns.probe { from = ns, to = "127.0.0.1" }
			pcall(ns.call, ns, error, "x")
			pcall(ns.nft.list, ns.nft)
			assert(state() == before, "before: " .. before .. "\nafter: " .. state())
		]])
	end)

	it("without user namespaces new() says why, and what helps", function()
		local out = succeeds({ prefix = { "setpriv", "--bounding-set=-all", "--" } }, "lua5.4", [[
			local ok, err = pcall(require "netns".new)
			print(ok, err.code, err.hint ~= nil, err)
		]])
		assert.matches("^false\tEPERM\ttrue\tnetns new: .*: no privilege to make one here, nor in a", out)
	end)

	each_user("loaded again it works on, and old handles do", function(user)
		succeeds(user, "lua5.4", [[
			local netns = require "netns"
			local old <close> = netns.new()
			local link = old.link
			local p <close> = old:spawn { "cat", stdin = true, stdout = "capture" }
			for _ = 1, 2 do
				for name in pairs(package.loaded) do
					if name:find "^netns" then
						package.loaded[name] = nil
					end
				end
				local again = require "netns"
				assert(again ~= netns and again.new ~= nil)
				local new <close> = again.new()
				old.link:add {
					name = "eth0", kind = "veth", peer = { name = "eth0", netns = new },
				}
				assert(#link:list() == 2 and #new.link:list() == 2)
				new.link:delete "eth0"
				assert(again.open(p.pid) == old and old ~= new)
				assert(old:exec({ "echo", "x" }).stdout == "x\n")
				p:write "line\n"
				assert(p:expect("line", 10))
				assert(again.probe { from = old, to = new }.verdict)
				collectgarbage()
			end
		]])
	end)
end)

describe("nothing outlives the host program", function()
	local start = [[
		local netns = require "netns"
		kept = netns.new()
		local daemon = "trap '' TERM HUP; (setsid sleep 1234 & echo $!); read x"
		process = kept:spawn { "sh", "-c", daemon, stdin = true, stdout = "capture" }
		print(process.pid, process:expect("(%d+)\n", 10))
		-- exec returns, what it started goes on
		print((kept:exec { "sh", "-c", "setsid sleep 1234 >/dev/null 2>&1 & echo $!" }).stdout)
		io.stdout:flush()
	]]
	local ends = {
		["when it returns"] = "",
		["when it fails"] = "error 'x'",
		["when it exits"] = "os.exit(3)",
		["when it closes the state and exits"] = "os.exit(3, true)",
		["when it is killed"] = [[os.execute "kill -9 $PPID"]],
		["when it crashes"] = [[os.execute "kill -SEGV $PPID"]],
	}

	for name, last in pairs(ends) do
		each_user(name, function(user)
			local result = run(user, "lua5.4", start .. last)
			local pids = {}
			for pid in result.stdout:gmatch "%d+" do
				pids[#pids + 1] = pid
			end
			assert.equal(3, #pids, result.stdout .. result.stderr)
			assert.is_true(support.eventually(function()
				for _, pid in ipairs(pids) do
					local state = support.read("/proc/" .. pid .. "/stat")
					if state and not state:find "%) Z " then
						return false
					end
				end
				return true
			end), "left: " .. table.concat(pids, " "))
			-- They became our supervisor's, which so outlived the host; a later exec sweeps it away.
			assert.is_true(support.eventually(function()
				netns.current():exec { "true" }
				return support.read "/proc/thread-self/children" == ""
			end))
		end)
	end
end)
