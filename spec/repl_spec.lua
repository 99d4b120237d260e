-- SPDX-License-Identifier: MIT
-- repl_spec.lua - the REPL on a terminal: editing keys, signals, and what comes of neither

local lfs = require "lfs"
local scratch = require "spec.scratch"
local support = require "spec.support"
local terminal = require "spec.terminal"

local LEFT, RIGHT, HOME, END = "\27[D", "\27[C", "\27[H", "\27[F"
local DELETE, BACKSPACE = "\27[3~", "\127"
local A, C, D, E, K, U, W, Z = "\1", "\3", "\4", "\5", "\11", "\21", "\23", "\26"

local dir

local function finish(t)
	t:keys(D)
	assert.equal(0, t:finish())
end

-- A home directory with an .editrc.
local function home_with(editrc)
	dir:write(".editrc", editrc)
	return { HOME = dir.path }
end

setup(function()
	dir = scratch.new()
end)

teardown(function()
	dir:remove()
end)

describe("editing", function()
	terminal.test("has the usual keys", function()
		local t <close> = terminal.repl()
		for keys, result in pairs {
			["12" .. LEFT .. "3"] = "132";
			["12" .. LEFT .. LEFT .. RIGHT .. "3"] = "132";
			["12" .. HOME .. "3"] = "312";
			["12" .. HOME .. END .. "3"] = "123";
			["12" .. A .. "3" .. E .. "4"] = "3124";
			["12" .. BACKSPACE .. "3"] = "13";
			["12" .. HOME .. DELETE .. "3"] = "32";
			["12" .. LEFT .. D .. "3"] = "13";
			["1234" .. LEFT .. LEFT .. K .. "5"] = "125";
			["1234" .. LEFT .. LEFT .. U .. "5"] = "534";
			["'a' .. 'b.c' " .. W .. "'d'"] = "ad";
			["-'a' -'b'" .. U .. "6"] = "6";
		} do
			assert.equal(result, t:enter(keys))
		end
		finish(t)
	end)

	terminal.test("takes lines that are longer than the terminal, and than its buffers", function()
		local t <close> = terminal.repl()
		for _, n in ipairs { 70, 80, 200, 3000 } do
			t:keys("'" .. ("x"):rep(n) .. "'" .. HOME)
			assert.equal(tostring(n + 1), t:enter("#" .. DELETE .. "'y"))
		end
		t:keys("#'" .. ("x"):rep(2500) .. HOME .. END)
		assert.equal("2800", t:enter(("y"):rep(300) .. "'"))
		finish(t)
	end)

	terminal.test("counts characters, not bytes", function()
		for _, locale in ipairs { "C", "C.UTF-8" } do
			local t <close> = terminal.repl({ LC_ALL = locale })
			assert.equal("aöz", t:enter("'aö漢ü" .. BACKSPACE .. BACKSPACE .. "z'"))
			assert.equal("äbcd", t:enter("'ä漢d'" .. LEFT .. LEFT .. LEFT .. DELETE .. "bc"))
			assert.equal("ä\t2", t:enter("('Ä'):lower() == 'ä' and 'C' or 'ä', #'ä'"))
			finish(t)
		end
	end)

	terminal.test("asks for more until a statement is whole", function()
		local t <close> = terminal.repl()
		t:keys "for i = 1, 2 do\r"
		t:await "\n>> "
		assert.equal("2", t:enter("if i == 2 then print(i) end end"))
		t:keys "string.rep(\r"
		t:await "\n>> "
		assert.equal("xx", t:enter("'x', 2)"))
		finish(t)
	end)

	terminal.test("takes what is pasted as one text", function()
		local t <close> = terminal.repl()
		t:keys "\27[200~local a = 1\rif a then\n\tprint(a, 'string.fo\t')\nend\n\27[201~"
		t:await "end"
		assert.equal("1\tstring.fo\t", t:enter(""))
		t:keys "\27[200~1 + \27[201~"
		assert.equal("3", t:enter("2"))
		finish(t)
	end)

	terminal.test("shows the user's prompts", function()
		local t <close> = terminal.repl()
		t:keys "_PROMPT, _PROMPT2 = 'top\\n\\27[32mä>\\27[0m', '\\1\\27[1m\\2? '\r"
		t:await("\ntop\n", "\27[32mä\27[0m>")
		t:keys("12" .. A .. "3\r")
		t:await("\002312\n\003top\n", ">")
		t:keys "do\r"
		t:await "\n\27[1m? "
		t:keys "end _PROMPT = setmetatable({}, { __tostring = error })\r"
		t:await "\n> "
		finish(t)
	end)

	terminal.test("draws the line anew when the window changes", function()
		local t <close> = terminal.repl()
		t:keys "print 'shown'"
		t:await "print 'shown'"
		t:resize(40)
		t:await "> print 'shown'"
		t:keys((" "):rep(30) .. HOME .. "_=1;")
		t:resize(60)
		assert.equal("shown", t:enter(""))
		finish(t)
	end)

	terminal.test("reads the user's .editrc", function()
		local t <close> = terminal.repl(home_with [[
			nslua:bind ^T ed-move-to-beg
			other:bind ^A ed-move-to-end
		]])
		assert.equal("312", t:enter("12\20" .. "3"))
		assert.equal("312", t:enter("12" .. A .. "3"))
		finish(t)
	end)

	terminal.test("goes on when Lua has closed its streams", function()
		local t <close> = terminal.repl()
		t:keys "io.stdin:close() io.stdout:close()\r"
		t:await "> "
		t:keys "io.stderr:write 'still here\\n'\r"
		t:await("\nstill here\n", "> ")
		t:keys "error 'on'\r"
		t:await("\nstdin:1: on\n", "> ")
		finish(t)
	end)
end)

describe("signals", function()
	-- A shell that has nslua at its prompt, or in the background.
	local function in_shell(mark)
		local t = terminal.shell()
		t:keys(("ulimit -c 0; stty -a >%s/before; TERM=xterm $NSLUA %s st=$?\r"):format(
			dir.path, mark or ";"))
		t:match(mark and "\nshell# " or "\n> $")
		return t
	end

	-- The terminal is as it was before nslua.
	local function is_restored(t)
		t:keys(("stty -a | diff %s/before - && echo same \r"):format(dir.path))
		t:await("\nsame\n", "shell# ")
	end

	terminal.test("Ctrl-C gives up what is typed, and the statement", function()
		local t <close> = terminal.repl()
		t:keys "print 'lost'"
		t:await "lost'"
		t:keys(HOME .. C)
		t:match "^.*%^C\n> $"
		t:keys "f = {\r"
		t:await "\n>> "
		t:keys(C)
		t:match "^%^C\n> $"
		assert.equal("nil", t:enter "f")
		t:keys("\27" .. C) -- in the midst of a key's sequence
		t:match "%^C\n> $"
		t:keys("\18no" .. C) -- while searching
		t:match "%^C\n> $"
		assert.equal("nil", t:enter "f")
		finish(t)
	end)

	terminal.test("Ctrl-C ends a statement, and what prints its results", function()
		local t <close> = terminal.repl()
		for _, code in ipairs {
			"io.write 'go\\n' while true do end",
			"io.write 'go\\n' require 'netns'.sleep(30)",
			"io.write 'go\\n' coroutine.wrap(function() while true do end end)()",
			"setmetatable({}, { __tostring = function() io.write 'go\\n' while true do end end })",
		} do
			t:keys(code .. "\r")
			t:await "go\n"
			t:keys(C)
			t:match "interrupted!.*\n> $"
			assert.equal("1", t:enter "1")
		end
		finish(t)
	end)

	terminal.test("Ctrl-D ends, but not within a line", function()
		local t <close> = terminal.repl()
		assert.equal("12", t:enter("12" .. D))
		t:keys "f(\r"
		t:await "\n>> "
		t:keys(D)
		t:match "<eof>\n> $"
		t:keys "os.exit(3)\r"
		assert.equal(3, t:finish())
	end)

	terminal.test("Ctrl-Z stops, and fg goes on with the line", function()
		local t <close> = in_shell()
		t:keys("print 'o'" .. LEFT)
		t:await("print 'o'", "\8") -- Ctrl-Z throws away what is not read yet
		t:keys(Z)
		t:await("Stopped", "shell# ")
		is_restored(t)
		t:keys "fg\r"
		t:match "\n[^\n]*> print 'o'"
		t:keys("n\r")
		t:await("\non\n", "> ")
		t:keys(D)
		t:await "shell# "
		is_restored(t)
	end)

	terminal.test("in the background it waits for the terminal", function()
		local t <close> = in_shell "&"
		assert.is_true(support.eventually(function()
			return support.read("/proc/" .. t:child() .. "/stat"):find "%) T "
		end))
		t:keys "fg\r"
		t:match "\n> $"
		t:keys(("os.execute 'stty -a | diff %s/before - && echo same'\r"):format(dir.path))
		t:await("\nsame\n", "> ")
		t:keys(D)
		t:await "shell# "
		is_restored(t)
	end)

	terminal.test("a signal that ends the process leaves the terminal as it was", function()
		for _, name in ipairs { "TERM", "HUP", "QUIT", "ALRM" } do
			local t <close> = in_shell()
			t:keys "print 'lo"
			t:await "'lo"
			assert(os.execute(("kill -%s %s"):format(name, t:child())))
			t:await "shell# "
			is_restored(t)
			t:keys "kill -l $st\r"
			t:await("\n" .. name .. "\n", "shell# ")
		end
	end)

	terminal.test("alone on its terminal, it goes on after a shell that had it", function()
		for _, term in ipairs { "xterm", "dumb" } do
			local t <close> = terminal.repl { TERM = term, PS1 = "inner:", INPUTRC = "/dev/null" }
			t:keys "os.execute 'bash --norc --noprofile -i'\r"
			t:leave_inner_shell()
			t:match "> $"
			assert.equal("42", t:enter "6 * 7")
			t:interrupt "> $"
			t:keys "os.exit(3)\r"
			assert.equal(3, t:finish())
		end
	end)

	terminal.test("what is typed ahead is not lost", function()
		local t <close> = in_shell()
		t:keys("1 + 1\r" .. D .. "echo that\r")
		t:await("\n2\n", "\nthat\n", "shell# ")
	end)
end)

describe("without editing", function()
	it("a dumb terminal gets plain text, and keeps no history", function()
		for _, term in ipairs { "dumb", "no-such-terminal", "" } do
			local t <close> = terminal.repl { TERM = term, XDG_STATE_HOME = dir.path }
			t:keys "1 + 1\r"
			t:match "^1 %+ 1\n\0022\n\003> $"
			finish(t)
		end
		assert.is_nil(lfs.attributes(dir.path .. "/nslua"))
	end)

	it("Ctrl-C gives up the statement only", function()
		local t <close> = terminal.repl { TERM = "dumb" }
		t:keys "x = {\r"
		t:await ">> "
		t:interrupt "%^C\n> $"
		t:keys "lost"
		t:interrupt "%^C\n> $"
		assert.equal("2", t:enter "1 + 1")
		t:keys "io.write 'go\\n' while true do end\r"
		t:await "go\n"
		t:keys(C)
		t:match "interrupted!.*\n> $"
		assert.equal("4", t:enter "2 + 2")
		finish(t)
	end)

	terminal.test(".editrc can switch it off", function()
		local t <close> = terminal.repl(home_with "edit off\n")
		t:keys "1 + 1\r"
		t:match "^1 %+ 1\n\0022\n\003> $"
		finish(t)
	end)
end)
