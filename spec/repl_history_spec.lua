-- SPDX-License-Identifier: MIT
-- repl_history_spec.lua - what was typed can be had again, in this session and in later ones

local lfs = require "lfs"
local scratch = require "spec.scratch"
local support = require "spec.support"
local terminal = require "spec.terminal"

local UP, DOWN, C, D, R = "\27[A", "\27[B", "\3", "\4", "\18"
local dir, state

local function file()
	return support.read(state .. "/nslua/history")
end

local function write(text)
	os.execute(("mkdir -p '%s/nslua'"):format(state))
	local f <close> = assert(io.open(state .. "/nslua/history", "w"))
	f:write(text)
end

local function mode(path)
	return lfs.attributes(path, "permissions")
end

-- Type each of the statements, and end.
local function session(statements, more)
	local t <close> = terminal.repl(more or { XDG_STATE_HOME = state })
	for _, statement in ipairs(statements) do
		t:keys(statement)
		t:match "> $"
	end
	t:keys(D)
	assert.equal(0, t:finish())
end

before_each(function()
	dir = scratch.new()
	state = dir.path .. "/state"
end)

after_each(function()
	dir:remove()
end)

describe("in a session", function()
	terminal.test("the arrows go through what was typed", function()
		local t <close> = terminal.repl()
		t:enter "'first'"
		t:enter "'second'"
		assert.equal("first", t:enter(UP .. UP))
		assert.equal("third", t:enter("'third" .. UP .. DOWN .. "'"))
		assert.equal("third", t:enter(UP))
		t:keys(D)
		t:finish()
	end)

	terminal.test("Ctrl-R searches", function()
		local t <close> = terminal.repl()
		t:enter "'needle', 1"
		t:enter "'hay'"
		assert.equal("needle\t1", t:enter(R .. "eed"))
	end)

	terminal.test("a statement of several lines is one entry", function()
		local t <close> = terminal.repl()
		t:keys "for i = 1, 2 do\r"
		t:await "\n>> "
		t:keys "\r"
		t:await "\n>> "
		t:enter "if i == 2 then print(i) end end"
		assert.equal("2", t:enter(UP))
		t:keys(UP .. "\27[D\27[D\27[D" .. "; i = 7; print(i) ") -- the arrow stands before "end"
		assert.equal("7", (t:enter "":gsub(".*\2", "")))
	end)

	terminal.test("what was given up is not kept", function()
		local t <close> = terminal.repl { XDG_STATE_HOME = state }
		t:enter "'kept'"
		t:keys "'given up'"
		t:await "up'"
		t:keys(C)
		t:match "> $"
		assert.equal("kept", t:enter(UP))
		t:keys(D)
		t:finish()
		assert.equal("'kept'\n", file())
	end)
end)

describe("the file", function()
	terminal.test("has what was typed, and is the user's alone", function()
		session { "x = {\r", "\t'a\\n',\r", "}\r", "  #x\r", "#x\r", "#x\r", "\r", "x x\r" }
		assert.equal("x = {\n\t\t'a\\n',\n\t}\n#x\nx x\n", file())
		assert.equal("rw-------", mode(state .. "/nslua/history"))
		assert.equal("rwx------", mode(state .. "/nslua"))
		assert.equal("rwx------", mode(state))
	end)

	terminal.test("has a statement before it runs", function()
		local t <close> = terminal.repl { XDG_STATE_HOME = state }
		t:keys "os.exit(5)\r"
		assert.equal(5, t:finish())
		assert.equal("os.exit(5)\n", file())
	end)

	terminal.test("is read by later sessions", function()
		session { "x = {\r", "1, 2 }\r", "'last'\r" }
		local t <close> = terminal.repl { XDG_STATE_HOME = state }
		assert.equal("last", t:enter(UP))
		t:keys(UP .. UP .. "\r")
		t:match "> $"
		assert.equal("2", t:enter "x[2]")
	end)

	terminal.test("is in ~/.local/state if nothing else is said", function()
		for _, said in ipairs { false, "", "relative" } do
			session({ "1\r" }, { HOME = dir.path, XDG_STATE_HOME = said })
			local path = dir.path .. "/.local/state/nslua/history"
			assert.equal("1\n", support.read(path))
			assert.equal("rwx------", mode(dir.path .. "/.local"))
			os.remove(path)
		end
	end)

	terminal.test("is made private if it is not", function()
		write "1\n"
		assert(os.execute(("chmod 644 '%s/nslua/history'"):format(state)))
		session { "2\r" }
		assert.equal("rw-------", mode(state .. "/nslua/history"))
		assert.equal("1\n2\n", file())
	end)

	terminal.test("is shared by sessions that run at once", function()
		local a <close> = terminal.repl { XDG_STATE_HOME = state }
		local b <close> = terminal.repl { XDG_STATE_HOME = state }
		a:enter "'a1'"
		b:enter "'b1'"
		a:enter "'a2'"
		assert.equal("b1", b:enter(UP)) -- the others' come with the next session
		b:enter "'b2'"
		assert.equal("'a1'\n'b1'\n'a2'\n'b2'\n", file())
	end)

	terminal.test("is cut down when it has grown, to the newest", function()
		local lines = {}
		for i = 1, 2100 do
			lines[i] = ("x = %d\n\t+ 1\n"):format(i)
		end
		write(table.concat(lines))
		session { UP .. "\r" }
		local text = file()
		assert.equal("x = 1101\n\t+ 1\n", text:match "^.-\n.-\n")
		assert.equal("x = 2100\n\t+ 1\n", text:match "[^\n]*\n[^\n]*\n$")
		assert.equal(1000, select(2, text:gsub("x = ", "")))
	end)

	terminal.test("may be anything", function()
		local big = ("x"):rep(5000000)
		for _, text in ipairs { "", "\n", "\t\n\t1\n", "1", "\0\0\n1\n", big, "\xff\xfe\n" } do
			write(text)
			session { UP .. C, "2\r" }
			assert.equal("2\n", file():match "[^\n]*\n$", #text)
		end
	end)

	terminal.test("is none where it is not a file, or there is no home", function()
		session({ "1\r" }, { HOME = false, XDG_STATE_HOME = false })
		session({ "1\r" }, { HOME = "/nonexistent" })
		session({ "1\r" }, { HOME = "/proc", XDG_STATE_HOME = false })
		write "1\n"
		os.remove(state .. "/nslua/history")
		assert(os.execute(("ln -s /dev/null '%s/nslua/history'"):format(state)))
		session { "1\r" }
		os.remove(state .. "/nslua/history")
		assert(os.execute(("mkfifo '%s/nslua/history'"):format(state)))
		session { "1\r" }
	end)

	it("is none when the input is no terminal", function()
		local result = support.script("print(1)", { "-i" }, { env = { XDG_STATE_HOME = state } })
		assert.matches("1\n> \n$", result.stdout)
		assert.is_nil(lfs.attributes(state))
	end)

	terminal.test("is not made in the home of another, nor is his read", function()
		write "'his'\n"
		if not os.execute(("chown -R 65534 '%s' 2>/dev/null"):format(state)) then
			pending("no second user here")
		end
		session { "1\r" }
		assert.equal("'his'\n", file())
		session({ "1\r" }, { HOME = state, XDG_STATE_HOME = false })
		assert.is_nil(lfs.attributes(state .. "/.local"))
	end)

	terminal.test("belongs outside to who calls", function()
		if not os.execute(("cd '%s' && chown 65534 . 2>/dev/null && chmod 755 ."):format(dir.path)) then
			pending("no second user here")
		end
		local copy = dir.path .. "/nslua" -- he may not be able to read the build tree
		assert(os.execute(("cp '%s' '%s'"):format(support.interpreter, copy)))
		local t <close> = terminal.open(
			{ "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy },
			{ XDG_STATE_HOME = state })
		t:match "> $"
		t:keys "'mine'\r"
		t:match "\nmine\n> $"
		t:keys(D)
		assert.equal(0, t:finish())
		assert.equal("'mine'\n", file())
		assert.equal(65534, lfs.attributes(state .. "/nslua/history", "uid"))
		assert.equal(65534, lfs.attributes(state .. "/nslua", "uid"))
	end)
end)
