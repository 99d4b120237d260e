-- SPDX-License-Identifier: MIT
-- terminal.lua - a program on a terminal of its own, and who types there, for specs
--
local busted = require "busted"
local netns = require "netns"
local support = require "spec.support"

local it, pending = busted.it, busted.pending

local terminal_methods = {}
local terminal_mt = { __name = "spec.terminal", __index = terminal_methods }

local patience = 20

local function escape(text)
	return (text:gsub("%p", "%%%0"))
end

-- Type, as it is.
function terminal_methods:keys(text)
	self.process:write(text)
end

-- Wait until the pattern is shown, after all that was waited for before; returns its captures, or
-- the match. Returns of the carriage, and what marks pasted text, do not count as shown. With a
-- number of seconds it is nil when they pass without.
function terminal_methods:match(pattern, seconds)
	local deadline = netns.clock() + (seconds or patience)
	while true do
		local found = table.pack(self.shown:find(pattern))
		if found[1] then
			local match = self.shown:sub(found[1], found[2])
			self.shown = self.shown:sub(found[2] + 1)
			return table.unpack(found.n > 2 and found or { match }, found.n > 2 and 3 or 1)
		end
		local more = self.process:read(math.max(0, deadline - netns.clock()))
		if not more and seconds then
			return nil
		elseif not more then
			error(("the terminal does not show %q but: %q"):format(pattern, self.shown), 0)
		end
		self.shown = (self.shown .. more):gsub("\27%[%?2004[hl]", ""):gsub("\r", "")
	end
end

-- Likewise, for each of several texts.
function terminal_methods:await(...)
	for _, text in ipairs { ... } do
		self:match(escape(text))
	end
end

-- Type keys and Enter at the REPL's prompt; what it prints.
function terminal_methods:enter(keys)
	self:keys(keys .. "\r")
	local printed = self:match "\2(.-)\n\3"
	self:match "> $"
	return printed
end

-- Ctrl-C until the pattern is shown: between a prompt and the read that follows, in a program that
-- reads plainly, the first may find nothing to interrupt.
function terminal_methods:interrupt(pattern)
	for _ = 1, 20 do
		self:keys "\3"
		if self:match(pattern, 1) then
			return
		end
	end
	error(("the terminal does not show %q but: %q"):format(pattern, self.shown), 0)
end

-- Wait until the shell has given the terminal to a program, and that runs.
function terminal_methods:await_job()
	assert(support.eventually(function()
		local stat = support.read(("/proc/%s/stat"):format(self.shell_pid))
		local own, foreground = stat:match "%) %a %d+ (%d+) %d+ %d+ (%d+)"
		local job = own ~= foreground and support.read(("/proc/%s/stat"):format(foreground))
		return job and not job:find "%) T "
	end, patience), "nothing runs in the foreground")
end

-- In an interactive shell that has just been started, PS1=inner:, stop a program and leave both.
function terminal_methods:leave_inner_shell()
	self:match "inner:$"
	self:keys "sh -c 'echo in front; exec sleep 20'\r"
	self:await "\nin front\n"
	self:keys "\26"
	self:match "Stopped.*inner:$"
	self:keys "jobs\r"
	self:match "Stopped.*inner:$"
	self:keys "exit\r" -- at once, as jobs has told of the stopped one
	self:await "exit\nexit\n" -- the second one when it has set the terminal's modes again
end

-- The process that the shell has started.
function terminal_methods:child()
	local pid = self.shell_pid
	return support.read(("/proc/%s/task/%s/children"):format(pid, pid)):match "%d+"
end

-- Give the terminal another number of columns, as its window would.
function terminal_methods:resize(columns)
	self.process:resize(24, columns)
end

-- The end of the program; its exit status.
function terminal_methods:finish()
	local result = assert(self.process:wait(patience))
	return result.code
end

function terminal_methods:close()
	self.process:close()
end

terminal_mt.__close = terminal_methods.close

-- A program on a terminal of 80 columns; `more` is put into the environment.
local function open(argv, more)
	local env = { TERM = "xterm", HOME = "/nonexistent", XDG_STATE_HOME = false }
	for key, value in pairs(more or {}) do
		env[key] = value
	end
	argv.pty, argv.env = true, env
	return setmetatable({ shown = "", process = netns.current():spawn(argv) }, terminal_mt)
end

-- The REPL, at its prompt. What print() prints can be told from what is typed: it is in \2 and \3.
local function repl(more)
	local marks = "local p = print function print(...) io.write [[\2]] p(...) io.write [[\3]] end"
	local t = open({ support.interpreter, "-i", "-e", marks }, more)
	t:match "> $"
	return t
end

-- An interactive bash, at its prompt, "shell# ".
local function shell()
	local t = open({ "bash", "--norc", "--noprofile", "-i" }, {
		PS1 = "shell# ", INPUTRC = "/dev/null", NSLUA = support.interpreter, TERM = "dumb",
	})
	t:await "shell# "
	t:keys "echo $$\r"
	t.shell_pid = t:match "\n(%d+)\nshell# "
	return t
end

local has_editing = (support.read "build/config.mk" or ""):find "WITH_EDITLINE %?= 1" ~= nil

-- A test of what nslua does on a terminal with libedit.
local function test(name, f)
	it(name, function()
		if not has_editing then
			pending("libedit is not installed")
		end
		f()
	end)
end

return { open = open, repl = repl, shell = shell, test = test, has_editing = has_editing }
