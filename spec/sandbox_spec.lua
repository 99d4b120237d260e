-- SPDX-License-Identifier: MIT
-- sandbox_spec.lua - what is inside nslua's sandbox, what passes through, that nothing survives

local lfs = require "lfs"
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"
local terminal = require "spec.terminal"

local dir

local function write(name, text)
	dir:write(name, text)
end

local function bash(script)
	return dir:bash(script)
end

local function nslua(code)
	return dir:nslua(code)
end

-- The processes whose environment has `mark`
local function marked(mark)
	local pids = {}
	for pid in lfs.dir("/proc") do
		local file = pid:match("^%d+$") and io.open("/proc/" .. pid .. "/environ")
		if file then
			local text = file:read("a")
			file:close()
			if text and text:find(mark, 1, true) then
				pids[#pids + 1] = pid
			end
		end
	end
	return pids
end

setup(function()
	dir = scratch.new()
end)

teardown(function()
	dir:remove()
end)

describe("inside the sandbox", function()
	it("network, mounts and processes are its own", function()
		for _, kind in ipairs { "net", "mnt", "pid" } do
			local link = "/proc/self/ns/" .. kind
			local inside = nslua("os.execute 'readlink " .. link .. "'")
			assert.matches("^" .. kind .. ":%[%d+%]\n", inside)
			assert.not_equal(lfs.symlinkattributes(link, "target"), inside:match("%S+"))
		end
	end)

	it("there is lo, up, and nothing else", function()
		local out = nslua [[
			local names = {}
			for line in io.lines "/proc/net/dev" do names[#names + 1] = line:match "^%s*(%S+):" end
			print(table.concat(names, " "))
			print(io.open "/sys/class/net/lo/flags":read "n" & 1)
			os.execute "ls -I bonding_masters /sys/class/net"
		]]
		assert.equal("lo\n1\nlo\n", out)
	end)

	it("/proc shows only what is inside, with Lua as process 2", function()
		local out = nslua [[
			print(io.open "/proc/self/stat":read "n")
			print(io.open "/proc/1/comm":read "l")
			os.execute "echo /proc/[0-9]*"
		]]
		assert.matches("^2\nnslua%-init\n/proc/1 /proc/2 /proc/%d+\n$", out)
	end)

	it("/run is empty but for what ip and iptables need", function()
		assert.equal("lock\nnetns\n1777 755\n", nslua [[
			os.execute "ls /run; echo $(stat -c %a /run/lock /run/netns)"
		]])
	end)

	it("the caller is root", function()
		assert.equal("0 0\n", (nslua [[ os.execute "echo $(id -u) $(id -g)" ]]))
	end)

	it("mounts do not come out, and are shared inside", function()
		lfs.mkdir(dir.path .. "/mnt")
		assert.equal("x\n", (nslua [[
			os.execute "mount -t tmpfs none mnt && touch mnt/x && ls mnt"
			for line in io.lines "/proc/self/mountinfo" do
				if not line:find " shared:%d+ " or line:find " master:" then print(line) end
			end
		]]))
		assert.equal("", (bash("ls mnt")))
	end)

	it("ip netns works, and leaves nothing outside", function()
		if not support.has "ip" then
			pending("iproute2 is not installed")
		end
		local out, code = bash [[
			$N -e 'assert(os.execute "ip netns add nslua-spec && ip netns list")
				assert(os.execute "ip netns exec nslua-spec ip -o link | cut -d: -f2")
				assert(os.execute "ip netns del nslua-spec")
				assert(os.execute "ip netns add nslua-spec")'
		]]
		assert.equal("nslua-spec\n lo\n", out)
		assert.equal(0, code)
		assert.is_nil(io.open("/run/netns/nslua-spec"))
	end)

	it("orphans are reaped", function()
		assert.equal("0\n", nslua [[
			os.execute "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.05 &) done; sleep 0.5"
			local zombies = 0
			for pid in io.popen "ls /proc":lines() do
				local file = pid:match "^%d+$" and io.open("/proc/" .. pid .. "/stat")
				if file and file:read "a":match "%) Z 1 " then zombies = zombies + 1 end
			end
			print(zombies)
		]])
	end)

	it("init does not mind signals from inside", function()
		assert.equal("alive\n", nslua [[
			os.execute "kill -TERM 1; kill -INT 1; kill -KILL 1; kill -STOP 1; sleep 0.1"
			print "alive"
		]])
	end)

	it("there may be another sandbox, eight deep", function()
		write("deep.lua", [[
			local n = tonumber(...)
			if n == 0 then os.exit(42) end
			local _, how, code = os.execute(("'%s' deep.lua %d"):format(arg[-1], n - 1))
			os.exit(how == "exit" and code or 1)
		]])
		local out, code = bash("$N deep.lua 8")
		assert.equal("", out)
		assert.equal(42, code)
	end)

	it("there may be fifty at once, each with its own", function()
		write("many.lua", [[
			local netns = require "netns"
			local n = tonumber(...)
			local ns = netns.add "same"
			ns.link:add { name = "v" .. n, kind = "bridge" }
			io.open("ready", "a"):write("x\n"):close()
			while not io.open "go" do netns.sleep(0.02) end
			local links = {}
			for _, link in ipairs(netns.open "same".link:list()) do links[#links + 1] = link.name end
			assert(table.concat(links, " ") == "lo v" .. n)
			assert(#netns.list() == 1)
			io.open("done", "a"):write(n, "\n"):close()
		]])
		local out = bash [[
			: >ready
			for i in {1..50}; do $N many.lua $i & done
			for i in {1..400}; do [ $(wc -l <ready) = 50 ] && break; sleep 0.05; done
			wc -l <ready
			: >go
			wait
			sort -n done | tr '\n' ' '
		]]
		local all = {}
		for i = 1, 50 do
			all[i] = i
		end
		assert.equal("50\n" .. table.concat(all, " ") .. " ", out)
	end)

	it("--host has none of it", function()
		local out = bash [[
			for ns in net mnt pid user; do readlink /proc/self/ns/$ns; done
			$N --host -e 'os.execute "for ns in net mnt pid user; do readlink /proc/self/ns/$ns; done"'
		]]
		local half = #out // 2
		assert.equal(out:sub(1, half), out:sub(half + 1))
	end)
end)

describe("through the sandbox", function()
	it("passes the exit status", function()
		for _, code in ipairs { 0, 1, 2, 127, 255 } do
			assert.equal(code, select(2, nslua("os.exit(" .. code .. ")")))
		end
	end)

	it("ends by the signal that ended Lua", function()
		for _, name in ipairs { "TERM", "KILL", "SEGV", "ABRT", "USR1", "PIPE" } do
			local out = bash(([[
				ulimit -c 0
				# the sanitizers would end it by a report of their own
				export ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0
				$N -e 'os.execute "kill -%s $PPID" io.read()'
				kill -l $?
			]]):format(name))
			assert.equal(name, out:match("(%u+%d?)\n$"))
		end
	end)

	it("passes on signals that are sent to the process", function()
		for _, name in ipairs { "TERM", "HUP", "USR2", "ALRM", "QUIT" } do
			local out = bash(([[
				set -m
				ulimit -c 0
				mkfifo fifo
				$N -e 'io.open("fifo", "w"):write("go\n"):close() while true do end' & pid=$!
				read line <fifo
				rm fifo
				kill -%s $pid
				wait $pid
				kill -l $?
			]]):format(name))
			assert.equal(name, out:match("(%u+%d?)\n$"))
		end
	end)

	it("passes on once what a process inside sends to its whole group", function()
		local out = bash [[
			for i in {1..20}; do
				set -m
				$N -e 'pcall(function() io.popen("kill -INT 0"):close() while true do end end) os.exit(7)' &
				wait $!
				echo $?
			done | uniq -c
		]]
		assert.matches("^ +20 7\n$", out)
	end)

	it("dumps core as without it: once, where the limit allows", function()
		local pattern = support.read "/proc/sys/kernel/core_pattern"
		if pattern:find("[|/]") then
			pending("cores do not go to the working directory here: " .. pattern)
		end
		for limit, n in pairs { [0] = 0, [4000000] = 1 } do
			local out = bash(([[
				rm -rf core* && mkdir -p cores && cd cores && rm -f *
				ulimit -c %d
				export ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0:disable_coredump=0
				$N -e 'io.popen("kill -SEGV $PPID"):read()' 2>/dev/null
				echo $(kill -l $?) $(ls | wc -l)
				rm -f *
			]]):format(limit))
			assert.matches("SEGV " .. n .. "\n$", out)
		end
	end)

	it("keeps ignored and blocked signals as they came", function()
		local function signals(text)
			return text:match("SigBlk:%s*(%x+)"), text:match("SigIgn:%s*(%x+)")
		end
		write("status.lua", [[ print(io.open "/proc/self/status":read "a") ]])
		local out = bash [[ trap '' HUP USR1 CHLD TSTP; exec $N status.lua ]]
		local block, ignore = signals(out)
		assert.equal(0, tonumber(block, 16))
		for _, signo in ipairs { 1, 10, 17, 20 } do
			assert.equal(1, tonumber(ignore, 16) >> (signo - 1) & 1, signo)
		end
		block, ignore = signals((bash [[ exec $N status.lua ]]))
		assert.equal(0, tonumber(block, 16))
		assert.equal(0, tonumber(ignore, 16) & (1 | 1 << 9 | 1 << 16 | 1 << 19))
	end)

	it("keeps the working directory, the umask, the environment and descriptors", function()
		lfs.mkdir(dir.path .. "/sub dir")
		local out = bash [[
			cd "sub dir"
			umask 027
			exec 7<&0
			SPEC_VALUE=x $N -e 'print(os.getenv "SPEC_VALUE", os.getenv "PWD")
				os.execute "pwd; umask; [ -e /proc/self/fd/7 ] && echo seven"'
		]]
		local path = dir.path .. "/sub dir"
		assert.equal(("x\t%s\n%s\n0027\nseven\n"):format(path, path), out)
	end)

	it("gives Lua no descriptor of its own, and keeps none of Lua's", function()
		assert.equal("", (bash [[
			exec 7</dev/null
			ls /proc/self/fd >expected
			$N -e 'os.execute "exec ls /proc/self/fd"' >got
			diff expected got
		]]))
		-- A pipe must end when Lua closes it, so nobody else may hold it.
		local out = bash [[
			exec 7</dev/null
			mkfifo fifo
			$N -e 'io.open("fifo", "w"):write("go\n"):close()
				os.execute "sleep 10"' & pid=$!
			read line <fifo
			rm fifo
			for try in $(seq 100); do # they close theirs while Lua runs already
				for p in $pid $(cat /proc/$pid/task/$pid/children); do readlink /proc/$p/fd/* | sort; done >held
				[ "$(wc -l <held)" -gt 4 ] || break
				sleep 0.05
			done
			cat held
			kill $pid
			wait $pid 2>/dev/null
		]]
		local two = "anon_inode:%[signalfd%]\nsocket:%S+\n"
		assert.matches("^" .. two .. two .. "$", out)
	end)

	it("reads the standard input", function()
		assert.equal("one\ntwo\n", (bash [[ printf 'one\ntwo\n' | $N -e 'io.write(io.read "a")' ]]))
	end)

	it("stops and continues as Lua does", function()
		local out = bash [[
			set -m
			mkfifo fifo
			$N -e 'io.open("fifo", "w"):write("go\n"):close() os.execute "sleep 0.2"
				io.open("fifo"):read() os.exit(9)' & pid=$!
			read line <fifo
			kill -TSTP $pid
			for i in {1..100}; do grep -q '^State:.T' /proc/$pid/status && break; sleep 0.05; done
			grep -o '^State:.T' /proc/$pid/status
			kill -CONT $pid
			for i in {1..100}; do grep -q '^State:.T' /proc/$pid/status || break; sleep 0.05; done
			echo >fifo
			wait $pid
			echo $?
			rm fifo
		]]
		assert.matches("State:\tT\n.*9\n$", out)
	end)
end)

describe("on a terminal", function()
	it("Ctrl-C interrupts, Ctrl-Z stops, fg goes on, Ctrl-\\ quits", function()
		local t <close> = terminal.shell()
		t:keys "$NSLUA -e 'print \"go\" while true do end'\r"
		t:await "\ngo\n"
		t:keys "\26"
		t:await("Stopped", "shell# ")
		t:keys "echo \"st=$?\"; jobs; fg\r"
		t:match "\nst=148\n%[1%]%+  Stopped"
		t:match "\n%$NSLUA %-e[^\n]*\n"
		t:await_job()
		t:keys "\3"
		t:match "interrupted!\nstack traceback:.*main chunk.*shell# $"
		t:keys "echo \"rc=$?\"\r"
		t:await("\nrc=1\n", "shell# ")
		t:keys "ulimit -c 0; $NSLUA -e 'print \"gone\" while true do end'\r"
		t:await "\ngone\n"
		t:keys "\28"
		t:await("Quit", "shell# ")
		t:keys "echo \"q=$?\"\r"
		t:await "\nq=131\n"
	end)

	-- The only child of a process that has one, once it has it.
	local function child_of(pid)
		local child
		assert.is_true(support.eventually(function()
			child = support.read(("/proc/%s/task/%s/children"):format(pid, pid)):match "%d+"
			return child
		end, 20))
		return child
	end

	local function is_stopped(pid)
		return support.read("/proc/" .. pid .. "/stat"):find "%) T " ~= nil
	end

	local function signal(...)
		netns.current():exec { "kill", ... }
	end

	it("a program in the background that reads stops, and fg gives it the terminal", function()
		local t <close> = terminal.shell()
		t:keys "$NSLUA -e 'print(\"got \" .. io.read())' & echo $! >&2\r"
		local pid = t:match "\n(%d+)\n"
		assert.is_true(support.eventually(function() return is_stopped(pid) end, 20))
		t:keys "jobs\r"
		t:await("Stopped", "shell# ")
		t:keys "fg\r"
		t:match "\n%$NSLUA %-e[^\n]*\n"
		t:keys "a line\r"
		t:await("\ngot a line\n", "shell# ")
	end)

	it("so does one in a sandbox within a sandbox", function()
		local t <close> = terminal.shell()
		t:keys [=[$NSLUA -e 'os.execute "$NSLUA -e \"print([[got ]] .. io.read())\""' &]=]
		t:keys "\r"
		t:await "shell# "
		local inner = t:child()
		for _ = 1, 6 do -- init, Lua, its shell, nslua, init, Lua
			inner = child_of(inner)
		end
		assert.is_true(support.eventually(function() return is_stopped(t:child()) end, 20))
		assert.is_true(support.eventually(function() return is_stopped(inner) end, 20))
		local function switches()
			return support.read("/proc/" .. inner .. "/status"):match "ctxt_switches:.*"
		end
		local before = switches()
		assert.is_false(support.eventually(function() return switches() ~= before end, 0.05), "is busy")
		t:keys "fg\r"
		t:match "\n%$NSLUA %-e[^\n]*\n"
		t:await_job()
		t:keys "a line\r"
		t:await("\ngot a line\n", "shell# ")
	end)

	it("fg goes on with what stops without the shell having heard of it", function()
		local t <close> = terminal.shell()
		t:keys(("$NSLUA -e 'while not io.open \"%s/read\" do require \"netns\".sleep(0.01) end \z
			print(\"got \" .. io.read())' &\r"):format(dir.path))
		t:await "shell# "
		local stub = t:child()
		local init = child_of(stub)
		local lua = child_of(init)
		signal("-STOP", init) -- who would tell of it
		write("read", "")
		assert.is_true(support.eventually(function() return is_stopped(lua) end, 20))
		t:keys "fg\r"
		t:match "\n%$NSLUA %-e[^\n]*\n"
		t:await_job()
		signal("-CONT", init)
		t:keys "a line\r"
		t:await("\ngot a line\n", "shell# ")
	end)

	it("what is stopped and continued at once does not stand", function()
		local t <close> = terminal.shell()
		t:keys "$NSLUA -e 'print(\"o\" .. \"n\") require \"netns\".sleep(1000)' &\r"
		t:await "on\n"
		local stub = t:child()
		for _ = 1, 60 do
			netns.current():exec { "sh", "-c", ("kill -TSTP -%d; kill -CONT -%d"):format(stub, stub) }
			assert.is_false(support.eventually(function() return is_stopped(stub) end, 0.005))
		end
	end)

	it("who is killed while a line is edited leaves it as it was", function()
		if not terminal.has_editing then
			pending "libedit is not installed"
		end
		local t <close> = terminal.shell()
		t:keys [[TERM=xterm sh -c '$NSLUA -i; echo "rc=$?"; stty -a | tr " " "\\n"']]
		t:keys "\r"
		t:match "\n> "
		t:keys "ab\1x"
		t:await "x" -- before what is there already
		signal("-KILL", child_of(child_of(child_of(t:child()))))
		t:await("rc=137\n", "\nicanon\n", "\necho\n")
	end)

	it("Lua reads again after an interactive shell inside has ended", function()
		local t <close> = terminal.shell()
		t:keys("$NSLUA -e 'os.execute \"PS1=inner: bash --norc --noprofile -i\" \z
			print(\"got \" .. io.read())'\r")
		t:leave_inner_shell()
		t:keys "a line\r"
		t:await("\ngot a line\n", "shell# ")
		t:keys "echo \"rc=$?\"\r"
		t:await "\nrc=0\n"
	end)
end)

describe("after the end", function()
	-- Daemons that resist: one ignores signals, one has a session of its own, one is stopped
	local workload = [[
		os.execute "trap '' TERM HUP INT; sleep 300 &"
		os.execute "setsid sh -c 'trap \"\" TERM; (sleep 301 &) ; exec sleep 302' &"
		os.execute "sh -c 'kill -STOP $$; sleep 303' &"
		os.execute "mount -t tmpfs none /mnt; ip netns add x 2>/dev/null"
		if arg[1] == "run" then while true do end end
	]]

	it("no process is left when the script ends", function()
		write("work.lua", workload)
		bash("SANDBOX_SPEC=ends $N work.lua")
		assert.same({}, marked("SANDBOX_SPEC=ends"))
	end)

	it("no process is left when init is killed, and nslua ends by SIGKILL", function()
		write("work.lua", workload)
		local out = bash [[
			export SANDBOX_SPEC=noinit
			$N work.lua run & pid=$!
			sleep 0.2
			kill -9 $(cat /proc/$pid/task/$pid/children)
			wait $pid
			echo "rc=$?"
		]]
		assert.matches("rc=137\n$", out)
		assert.same({}, marked("SANDBOX_SPEC=noinit"))
	end)
end)
