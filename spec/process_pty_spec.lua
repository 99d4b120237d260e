-- SPDX-License-Identifier: MIT
-- process_pty_spec.lua - programs at a terminal of their own
local netns = require "netns"
local support = require "spec.support"

local refused, read = support.refused, support.read
local soon = 5

describe("a process with pty", function()
	local ns

	before_each(function()
		ns = netns.new()
	end)

	after_each(function()
		ns:close()
	end)

	local function shell(pty)
		local p = ns:spawn { "sh", pty = pty or true, env = { PS1 = "ready$ ", ENV = false } }
		assert.equal("ready$ ", p:expect("ready%$ $", soon))
		return p
	end

	it("has a terminal as stdin, stdout and stderr", function()
		local r = ns:exec {
			"sh", "-c", "test -t 0 -a -t 1 -a -t 2; echo $?; echo err >&2; tty", pty = true,
		}
		local name = r.stdout:match("^0\r\nerr\r\n(/dev/pts/%d+)\r\n$")
		assert.truthy(name, r.stdout)
		assert.is_nil(r.stderr)
		-- the negative: without, it has none
		assert.equal("1\n", ns:exec { "sh", "-c", "test -t 0 -o -t 1 -o -t 2; echo $?" }.stdout)
		assert.equal(0, r.code)
	end)

	it("that is its controlling terminal, and not ours", function()
		local ours = read("/proc/self/stat"):match("%) %a %d+ %d+ %d+ (%-?%d+)")
		local p <close> = ns:spawn { "sleep", "1000", pty = true }
		local group, session, tty = read("/proc/" .. p.pid .. "/stat")
			:match("%) %a %d+ (%d+) (%d+) (%-?%d+)")
		assert.same({ tostring(p.pid), tostring(p.pid) }, { group, session })
		assert.not_equal("0", tty)
		assert.not_equal(ours, tty)
		assert.equal(ours, read("/proc/self/stat"):match("%) %a %d+ %d+ %d+ (%-?%d+)"))
	end)

	it("answers what is typed", function()
		local p <close> = shell()
		p:write("echo $((6 * 7))\n")
		assert.equal("42", p:expect("\n(42)\r\n", soon))
		assert.same({ nil, "timeout" }, { p:expect("never", "10ms") })
		refused("EINVAL", "stream", p.read, p, 0, "stdin")
		refused("EINVAL", "stderr", p.read, p, 0, "stderr")
	end)

	it("is interrupted by Ctrl-C, in job control", function()
		local p <close> = shell()
		p:write("echo run; sleep 1000\n")
		assert.truthy(p:expect("\nrun\r\n", soon))
		assert.is_true(support.eventually(function()
			local foreground = read("/proc/" .. p.pid .. "/stat"):match("%) %a %d+ %d+ %d+ %d+ (%d+)")
			return read("/proc/" .. foreground .. "/comm") == "sleep\n"
		end))
		p:write("\3")
		assert.truthy(p:expect("ready%$ $", soon))
		p:write("echo still $?\n")
		assert.truthy(p:expect("still 130", soon))
	end)

	it("ends when the end of its input is typed", function()
		local p <close> = shell()
		p:close_stdin()
		assert.equal(0, p:wait(soon).code)
		local q <close> = ns:spawn { "cat", pty = { echo = false } }
		q:write("line\n")
		assert.equal("line\r\n", q:expect("line\r\n", soon))
		q:close_stdin()
		assert.equal("", q:wait(soon).stdout)
		assert.is_nil(q:read(soon))
	end)

	it("reads nothing from exec", function()
		assert.equal("over\r\n", ns:exec { "sh", "-c", "cat; echo over", pty = true,
			timeout = soon }.stdout)
	end)

	it("echoes unless told otherwise", function()
		for _, case in ipairs { { true, "x\r\nx\r\n" }, { { echo = false }, "x\r\n" } } do
			local p <close> = ns:spawn { "head", "-n", "1", pty = case[1] }
			p:write("x\n")
			assert.equal(case[2], p:wait(soon).stdout)
		end
	end)

	it("has a size, which can change", function()
		assert.equal("24 80\r\n", ns:exec { "stty", "size", pty = true }.stdout)
		assert.equal("50 132\r\n", ns:exec { "stty", "size", pty = { rows = 50, cols = 132 } }.stdout)
		local p <close> = ns:spawn {
			"sh", "-c", "trap 'stty size' WINCH; echo ready; while read x; do :; done", pty = true,
		}
		assert.truthy(p:expect("ready", soon))
		p:resize(10, 20)
		p:write("\n")
		assert.truthy(p:expect("10 20", soon))
		refused("EINVAL", "rows", p.resize, p)
		refused("EINVAL", "cols", p.resize, p, 10, 0)
		local q <close> = ns:spawn { "true" }
		refused("EINVAL", "pty", q.resize, q, 10, 20)
	end)

	it("gives all that it wrote, however much", function()
		local r = ns:exec { "sh", "-c", "seq 100000", pty = true }
		local count, last = 0
		for line in r.stdout:gmatch("(%d+)\r\n") do
			count, last = count + 1, line
		end
		assert.same({ 100000, "100000" }, { count, last })
		local p <close> = ns:spawn { "seq", "20000", pty = true }
		local lines = 0
		for _ in p:lines() do
			lines = lines + 1
		end
		assert.equal(20000, lines)
	end)

	it("is closed with all that runs at its terminal", function()
		local p = shell()
		p:write("setsid sleep 1000 & trap '' HUP TERM; sleep 1000 & echo two\n")
		assert.truthy(p:expect("\ntwo", soon))
		p:close()
		assert.same({}, ns:pids())
	end)

	it("can be waited for with others", function()
		local p <close> = ns:spawn { "cat", pty = { echo = false } }
		assert.same({ nil, "timeout" }, { netns.wait({ p }, 0) })
		p:write("x\n")
		assert.same({ p }, netns.wait({ p }, soon))
	end)

	it("owns it, if it runs as a user", function()
		if not support.knows_users then
			pending("the user namespace maps one user only")
			return
		end
		local r = ns:exec { "sh", "-c", "stat -Lc %u /proc/self/fd/0; echo >/dev/tty && echo good",
			pty = true, user = 54321 }
		assert.equal("54321\r\n\r\ngood\r\n", r.stdout)
	end)

	it("gets no other descriptor, and fails with its step", function()
		local file <close> = io.open("/etc/passwd")
		assert.truthy(file)
		assert.equal("0\r\n1\r\n2\r\n3\r\n", ns:exec { "ls", "-1", "/proc/self/fd", pty = true }.stdout)
		refused("ENOENT", nil, ns.spawn, ns, { "no-such-program", pty = true })
		refused("ENOENT", nil, ns.exec, ns, { "no-such-program", pty = true })
	end)

	it("is checked first", function()
		for _, case in ipairs {
			{ "pty", 1 }, { "pty", "yes" }, { "pty.rows", { rows = 0 } },
			{ "pty.cols", { cols = 65536 } }, { "pty.echo", { echo = 1 } }, { "pty.rowes", { rowes = 1 } },
			{ "pty", { 24, 80 } },
		} do
			refused("EINVAL", case[1], ns.exec, ns, { "true", pty = case[2] })
		end
		for _, stream in ipairs { "stdin", "stdout", "stderr" } do
			refused("EINVAL", "pty", ns.exec, ns, { "true", pty = true, [stream] = "null" })
		end
		assert.equal(0, ns:exec({ "true", pty = false, stdin = "x" }).code)
	end)
end)
